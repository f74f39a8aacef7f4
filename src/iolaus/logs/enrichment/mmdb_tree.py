"""The search tree of an MMDB file, walked with numpy: all networks at once, level by level.

The library's own iterator gives one network at a time, 5 microseconds each, and its C version ends
the whole process on some damaged files. Here every node number is checked before it is followed.
Source: MaxMind DB File Format Specification 2.0, "Binary Search Tree Section".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iolaus.logs.enrichment.addresses import U64, Blocks, free_bits

Nodes = NDArray[np.int64]
NODE_BYTES: Final = {24: 6, 28: 7, 32: 8}  # two records a node
MAPPED_AT = 96  # IPv4 stands under ::/96


class DamagedTreeError(ValueError):
    """The bytes are no tree."""


@dataclass(frozen=True)
class Networks:
    """All networks that have a record. length: of the prefix; record: a number per distinct one."""

    version: NDArray[np.int8]
    high: U64
    low: U64
    length: Nodes
    record: Nodes

    def blocks(self, version: int) -> tuple[Blocks, Nodes]:
        """Those of one version as blocks, and the record of each."""
        rows = np.flatnonzero(self.version == version)
        free_high, free_low = free_bits(self.length[rows], version)
        high, low = self.high[rows], self.low[rows]
        found = Blocks(high, low, high | free_high, low | free_low, rows)
        return found, self.record[rows]


def walk(data: bytes, node_count: int, record_size: int, ip_version: int) -> Networks:
    """All networks of a tree. Raises DamagedTreeError.

    At most `node_count` nodes stand on one level of a tree; more of them are no tree but a net in
    which paths meet, and could be 2^128 networks. Aliases of the IPv4 part are left out.
    """
    left, right = _children(data, node_count, record_size)
    width = 32 if ip_version == 4 else 128
    start = _ipv4_start(left, node_count) if width == 128 else -1
    node = np.zeros(1, np.int64)
    high, low = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
    found: list[tuple[U64, U64, Nodes, Nodes]] = []
    for depth in range(1, width + 1):
        node = np.concatenate([left[node], right[node]])
        one_high, one_low = _bit(width - depth)
        high, low = np.concatenate([high, high | one_high]), np.concatenate([low, low | one_low])
        alias = (node == start) & ((high | low) != 0)
        leaf = (node > node_count) & ~alias
        length = np.full(int(leaf.sum()), depth, np.int64)
        found.append((high[leaf], low[leaf], length, node[leaf]))
        inner = (node < node_count) & ~alias
        node, high, low = node[inner], high[inner], low[inner]
        if node.size > node_count:
            raise DamagedTreeError("the search tree is no tree")
    if node.size:
        raise DamagedTreeError("the search tree is deeper than an address is long")
    return _networks(found, width)


def _networks(found: list[tuple[U64, U64, Nodes, Nodes]], width: int) -> Networks:
    high, low = (np.concatenate([part[i] for part in found]) for i in (0, 1))
    length, pointer = (np.concatenate([part[i] for part in found]) for i in (2, 3))
    four = np.full(len(length), width == 32)
    if width == 128:
        four = (high == 0) & (low < np.uint64(2**32)) & (length >= MAPPED_AT)
        length = np.where(four, length - MAPPED_AT, length)
    version = np.where(four, 4, 6).astype(np.int8)
    return Networks(version, high, low, length, np.unique(pointer, return_inverse=True)[1])


def _children(data: bytes, count: int, record_size: int) -> tuple[Nodes, Nodes]:
    """Left and right record of each node: a node below `count`, nothing at it, else a pointer."""
    width = NODE_BYTES.get(record_size)
    if width is None or count < 1 or count * width > len(data):
        raise DamagedTreeError("the search tree does not fit into the file")
    raw = np.frombuffer(data, np.uint8, count * width).reshape(count, width).astype(np.int64)
    if record_size == 28:  # the fourth byte has the highest four bits of both
        left = (raw[:, 3] >> 4) << 24 | raw[:, 0] << 16 | raw[:, 1] << 8 | raw[:, 2]
        right = (raw[:, 3] & 15) << 24 | raw[:, 4] << 16 | raw[:, 5] << 8 | raw[:, 6]
        return left, right
    weights = 256 ** np.arange(width // 2 - 1, -1, -1, dtype=np.int64)
    return raw[:, : width // 2] @ weights, raw[:, width // 2 :] @ weights


def _ipv4_start(left: Nodes, count: int) -> int:
    """The node under which IPv4 stands; -1 where that is no node, so that nothing is its alias."""
    node = 0
    for _ in range(MAPPED_AT):
        if node >= count:
            return -1
        node = int(left[node])
    return node if node < count else -1


def _bit(position: int) -> tuple[np.uint64, np.uint64]:
    """One bit of an address, counted from its lowest."""
    if position >= 64:
        return np.uint64(1 << (position - 64)), np.uint64(0)
    return np.uint64(0), np.uint64(1 << position)
