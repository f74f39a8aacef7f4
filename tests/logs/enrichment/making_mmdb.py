"""Writes small MMDB files, after the format's specification (MaxMind DB 2.0), for tests alone."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)
STRING, MAP, UINT16, UINT32, BOOLEAN, ARRAY, UINT64 = 2, 7, 5, 6, 14, 11, 9


def write_mmdb(
    path: Path,
    networks: Mapping[str, Any],
    *,
    version: int = 6,
    record_size: int = 32,
    aliases: tuple[str, ...] = (),
) -> Path:
    """One record per network (CIDR); networks must not overlap. IPv4 goes under ::/96.

    aliases: IPv6 networks that lead to the IPv4 part, as MaxMind's files have them.
    """
    tree: list[list[Any]] = [[None, None]]
    for cidr, record in networks.items():
        _put(tree, ipaddress.ip_network(cidr), (record,), version)
    for cidr in aliases:
        start = 0
        for _ in range(96):
            start = tree[start][0]
        _put(tree, ipaddress.ip_network(cidr), start, version)
    data, offsets = b"", {}
    for node in tree:
        for child in node:
            if isinstance(child, tuple) and repr(child) not in offsets:
                offsets[repr(child)] = len(data)
                data += _encoded(child[0])
    count, body = len(tree), b""
    for node in tree:
        left, right = (_number(child, count, offsets) for child in node)
        if record_size == 28:
            middle = left >> 24 << 4 | right >> 24
            body += (left & 0xFFFFFF).to_bytes(3, "big") + bytes([middle])
            body += (right & 0xFFFFFF).to_bytes(3, "big")
        else:
            body += b"".join(n.to_bytes(record_size // 8, "big") for n in (left, right))
    metadata = {
        "node_count": (UINT32, count), "record_size": (UINT16, record_size),
        "ip_version": (UINT16, version),
        "database_type": "Test", "languages": ["en"], "binary_format_major_version": (UINT16, 2),
        "binary_format_minor_version": (UINT16, 0), "build_epoch": (UINT64, 1_770_000_000),
        "description": {"en": "made by a test"},
    }  # fmt: skip
    path.write_bytes(body + SEPARATOR + data + MARKER + _encoded(metadata))
    return path


def _number(child: Any, count: int, offsets: Mapping[str, int]) -> int:
    if isinstance(child, tuple):
        return count + len(SEPARATOR) + offsets[repr(child)]
    return child if isinstance(child, int) else count


def _put(tree: list[list[Any]], network: Any, record: Any, version: int) -> None:
    bits, length = int(network.network_address), network.prefixlen
    width = network.max_prefixlen
    path = [bits >> (width - 1 - i) & 1 for i in range(length)]
    if version == 6 and network.version == 4:
        path = [0] * 96 + path
    node = 0
    for bit in path[:-1]:
        if tree[node][bit] is None:
            tree.append([None, None])
            tree[node][bit] = len(tree) - 1
        node = tree[node][bit]
    tree[node][path[-1]] = record


def _encoded(value: Any) -> bytes:
    if isinstance(value, bool):
        return _head(BOOLEAN, int(value))
    if isinstance(value, str):
        data = value.encode()
        return _head(STRING, len(data)) + data
    if isinstance(value, int):
        value = (UINT32, value)
    if isinstance(value, tuple):
        kind, number = value
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return _head(kind, len(data)) + data
    if isinstance(value, Mapping):
        pairs = b"".join(_encoded(k) + _encoded(v) for k, v in value.items())
        return _head(MAP, len(value)) + pairs
    return _head(ARRAY, len(value)) + b"".join(map(_encoded, value))


def _head(kind: int, size: int) -> bytes:
    long = b"" if size < 29 else bytes([size - 29])
    if kind < 8:
        return bytes([kind << 5 | min(size, 29)]) + long
    return bytes([min(size, 29), kind - 7]) + long
