"""FRAUDAR: the densest blocks of accounts and the things that they use.

Hooi, Song, Beutel, Shah, Shin and Faloutsos, "FRAUDAR: Bounding graph fraud in the face of
camouflage", KDD 2016. From the paper: a bipartite graph; an edge weighs 1 / log(c + 5), c the
degree of its column, so that camouflage on popular objects is worth little; greedy peeling removes
the node whose loss costs least, and the best density g(S) = f(S) / |S| seen on the way is at least
half the optimum; further blocks follow once a block's edges are removed. Nodes have no prior.

Adapted: rows are accounts; columns are cards, devices, sign-up addresses, client addresses and
prompt skeletons (`columns` chooses). The paper always returns a block; here only blocks of density
`least` count, else an honest log would always accuse. `shared` leaves out objects that one
account alone holds. Blocks of fewer than 3 accounts (one account with many addresses) and blocks
that mostly are one declared organisation (as in ours) are passed over.

With the paper's priority tree a block takes O(E log V): near-linear in the edges E.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from iolaus.signals.text import text_features

from .graph import Holdings, Ints, codes, names_of
from .log import Log
from .peer import Group, Peer, Setting, ordered

Floats = NDArray[np.float64]

IDENTITY: Final = ("payment_fingerprint", "device_fingerprint", "signup_ip")
COLUMNS: Final = {
    "identity": IDENTITY,
    "identity+ip": (*IDENTITY, "client_ip"),
    "identity+skeleton": (*IDENTITY, "skeleton"),
    "all": (*IDENTITY, "client_ip", "skeleton"),
}
MOST_BLOCKS = 20
FEWEST = 3  # accounts of a block that may be a campaign
ALL_BUT_NONE = 10**9  # no upper bound on the holders of an object


@dataclass(frozen=True)
class Block:
    """One dense block: accounts, and its density in weight per node."""

    accounts: tuple[str, ...]
    density: float


class Fraudar(Peer[dict[tuple[str, bool], list[Block]]]):
    name = "fraudar"
    source = "Hooi et al., KDD 2016"
    needs = (*(f"accounts.{c}" for c in IDENTITY), "exchanges.client_ip", "exchanges.prompt")
    needs_all = False
    unit = "group"
    settings: ClassVar[tuple[Setting, ...]] = tuple(
        {"columns": columns, "shared": shared, "blocks": blocks, "least": least}
        for columns, shared, blocks, least in product(
            COLUMNS,
            (False, True),
            (1, 2, 3, 5, 10, 20),
            (0.0, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0),
        )
    )

    def prepare(self, log: Log, settings: Sequence[Setting]) -> dict[tuple[str, bool], list[Block]]:
        names, holdings = _holdings(log)
        declared = log.organisations()
        out: dict[tuple[str, bool], list[Block]] = {}
        for columns, shared in {(str(s["columns"]), bool(s["shared"])) for s in settings}:
            edges = Holdings(np.empty(0, np.int64), np.empty(0, np.int64))
            for kind in COLUMNS[columns]:
                edges = edges.joined(holdings[kind].held_by(1 + shared, ALL_BUT_NONE))
            found = [
                Block(names_of(names, rows), density)
                for rows, density in blocks(edges.accounts, edges.objects, MOST_BLOCKS)
            ]
            many = [block for block in found if len(block.accounts) >= FEWEST]
            out[columns, shared] = [b for b in many if not _open(b.accounts, declared)]
        return out

    def decide(
        self, evidence: dict[tuple[str, bool], list[Block]], setting: Setting
    ) -> list[Group]:
        found = evidence[str(setting["columns"]), bool(setting["shared"])]
        kept = [b for b in found[: int(setting["blocks"])] if b.density >= float(setting["least"])]
        return ordered([Group(b.accounts, b.density) for b in kept])


def _open(accounts: tuple[str, ...], declared: Mapping[str, str]) -> bool:
    """Whether more than half of a block openly belongs to one organisation."""
    sizes = Counter(declared[a] for a in accounts if a in declared)
    return max(sizes.values(), default=0) > len(accounts) / 2


def _holdings(log: Log) -> tuple[list[str], dict[str, Holdings]]:
    """Account names and, per kind, who holds what."""
    people = log.read("accounts", *IDENTITY)
    traffic = log.read("exchanges", "client_ip", "prompt")
    both = pa.chunked_array([*people["account_id"].chunks, *traffic["account_id"].chunks])
    account, names = codes(both) if len(both) else (np.empty(0, np.int64), pa.array([], "string"))
    owner, sender = account[: len(people)], account[len(people) :]
    holdings = {kind: Holdings.of(owner, codes(people[kind])[0]) for kind in IDENTITY}
    holdings["client_ip"] = Holdings.of(sender, codes(traffic["client_ip"])[0])
    holdings["skeleton"] = Holdings.of(sender, codes(skeletons(traffic["prompt"]))[0])
    return names, holdings


def skeletons(prompts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Hash of each prompt with its slots masked: our own feature, lent to the peers."""
    parts = [text_features(c, pa.nulls(len(c), pa.string()))["skeleton"] for c in prompts.chunks]
    return pa.chunked_array(parts, pa.int64())


def blocks(rows: Ints, columns: Ints, most: int) -> list[tuple[list[int], float]]:
    """The first `most` blocks: (rows, density) each, found one after the other."""
    out: list[tuple[list[int], float]] = []
    while len(rows) and len(out) < most:
        _, row = np.unique(rows, return_inverse=True)
        _, column = np.unique(columns, return_inverse=True)
        kept, density = densest(row, column)
        shift = int(row.max()) + 1
        inside = kept[row] & kept[column + shift]
        out.append((np.unique(rows[inside]).tolist(), density))
        rows, columns = rows[~inside], columns[~inside]
    return out


def densest(row: Ints, column: Ints) -> tuple[NDArray[np.bool_], float]:
    """Greedy peeling (the paper's algorithm 1).

    In: edges row-column, both numbered without gaps. Out: which nodes stay (rows first, then
    columns) and their density, in weight per node.
    """
    rows, degree = int(row.max()) + 1, np.bincount(column)
    weight = (1.0 / np.log(degree + 5.0))[column]
    nodes = rows + len(degree)
    ends = np.concatenate([row, column + rows])
    other = np.concatenate([column + rows, row])
    order = np.argsort(ends, kind="stable")
    starts = np.searchsorted(ends[order], np.arange(nodes + 1))
    both = np.concatenate([weight, weight])
    loss: Floats = np.bincount(ends, weights=both, minlength=nodes).astype(np.float64)
    gone, many, density = _peel(starts, other[order], both[order], loss, float(weight.sum()))
    kept = np.ones(nodes, bool)
    kept[gone[:many]] = False
    return kept, float(density)


@njit(cache=True)
def _peel(
    starts: Ints, beside: Ints, weights: Floats, loss: Floats, total: float
) -> tuple[Ints, int, float]:
    """Nodes in the order of removal; after how many of them density was highest; that density.

    Node n's edges are beside[starts[n]:starts[n + 1]]. `tree` is the paper's priority tree: leaf n,
    at size + n, holds node n's loss, each inner place the smaller of its two children's.
    """
    nodes = len(loss)
    size = 1
    while size < nodes:
        size *= 2
    tree = np.full(2 * size, np.inf)
    tree[size : size + nodes] = loss
    for place in range(size - 1, 0, -1):
        tree[place] = min(tree[2 * place], tree[2 * place + 1])
    gone = np.empty(nodes, np.int64)
    many, density = 0, total / nodes
    for removed in range(nodes):
        place = 1
        while place < size:
            place = 2 * place + (tree[2 * place] > tree[2 * place + 1])
        node = place - size
        gone[removed] = node
        total -= tree[place]
        _set(tree, place, np.inf)
        for at in range(starts[node], starts[node + 1]):
            near = size + beside[at]
            if tree[near] < np.inf:
                _set(tree, near, tree[near] - weights[at])
        left = nodes - removed - 1
        if left > 0 and total / left > density + 1e-12:
            many, density = removed + 1, total / left
    return gone, many, density


@njit(cache=True)
def _set(tree: Floats, place: int, value: float) -> None:
    """Change a leaf and what stands above it."""
    tree[place] = value
    while place > 1:
        place //= 2
        tree[place] = min(tree[2 * place], tree[2 * place + 1])
