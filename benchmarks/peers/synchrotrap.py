"""SynchroTrap: groups of accounts that do the same things at about the same time.

Cao, Yang, Yu and Palow, "Uncovering large groups of active malicious accounts in online social
networks", CCS 2014. From the paper: an action is (account, time, constraint object); two actions
match when they have the same object at about the same time; the similarity of two accounts is the
Jaccard index of their matched actions, per constraint; pairs above a threshold are joined, and
groups are the connected components (single linkage).

Adapted: the objects of an API request are the client address, the exact prompt, its skeleton, and
the system prompt. `by` takes one constraint, or "any" of them. Time is cut into windows twice,
shifted by half, and the larger similarity of a pair counts. A pair needs `matches` matched actions:
one request each in one hour would have a Jaccard index of 1. Pairs inside one declared
organisation are passed over, as ours does. The paper runs on a cluster; here the objects with
fewest holders come first, until 3 x 10^7 pairs of holders are compared, and busier ones (a popular
default system prompt) stay in the denominator but match nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, triu

from .fraudar import skeletons
from .graph import Holdings, Ints, codes, components, names_of, organisations, strangers
from .log import Log
from .peer import Group, Peer, Setting, ordered

SECOND = 1_000_000  # microseconds
WINDOWS: Final = {"10min": 600, "1h": 3_600, "8h": 28_800, "1d": 86_400}  # seconds
CONSTRAINTS: Final = ("client_ip", "prompt", "skeleton", "system_prompt")
SIMILAR: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
MOST_PAIRS = 30_000_000
_NOBODY: Final = np.empty(0, np.int64)


@dataclass(frozen=True)
class Similar:
    """Pairs of accounts with a similarity of SIMILAR[0] or more under one constraint and window."""

    a: Ints
    b: Ints
    jaccard: NDArray[np.float64]
    matches: NDArray[np.float64]


@dataclass(frozen=True)
class Synchrony:
    """Accounts, their declared organisations (-1: none), similar pairs by (constraint, window)."""

    names: list[str]
    organisation: Ints
    pairs: dict[tuple[str, str], Similar]


class SynchroTrap(Peer[Synchrony]):
    name = "synchrotrap"
    source = "Cao et al., CCS 2014"
    needs = ("exchanges.client_ip", "exchanges.prompt", "exchanges.system_prompt")
    needs_all = False
    unit = "group"
    settings: ClassVar[tuple[Setting, ...]] = tuple(
        {"by": by, "window": window, "similar": similar, "matches": matches, "least": least}
        for by, window, similar, matches, least in product(
            (*CONSTRAINTS, "any"), WINDOWS, SIMILAR, (1, 2, 3, 5, 8, 13), (3, 10, 30, 60)
        )
    )

    def prepare(self, log: Log, settings: Sequence[Setting]) -> Synchrony:
        table = log.read("exchanges", "ts", "client_ip", "prompt", "system_prompt")
        table = table.filter(pc.is_valid(table["ts"]))
        account, names = codes(table["account_id"])
        moment = table["ts"].cast(pa.int64()).to_numpy() // SECOND
        table = table.append_column("skeleton", skeletons(table["prompt"]))
        pairs = {}
        for constraint, window in {(c, str(s["window"])) for s in settings for c in used(s)}:
            target, seconds = codes(table[constraint])[0], WINDOWS[window]
            pairs[constraint, window] = similar(account, target, moment, seconds, len(names))
        return Synchrony(names, organisations(log, names), pairs)

    def decide(self, evidence: Synchrony, setting: Setting) -> list[Group]:
        ends: list[tuple[Ints, Ints]] = []
        for constraint in used(setting):
            pairs = evidence.pairs[constraint, str(setting["window"])]
            keep = pairs.jaccard >= float(setting["similar"])
            keep &= pairs.matches >= int(setting["matches"])
            ends.append(strangers(pairs.a[keep], pairs.b[keep], evidence.organisation))
        a, b = (np.concatenate(side) for side in zip(*ends, strict=True))
        found = components(a, b, len(evidence.names), int(setting["least"]))
        return ordered([Group(names_of(evidence.names, part), len(part)) for part in found])


def used(setting: Setting) -> tuple[str, ...]:
    """The constraints that a setting compares."""
    return CONSTRAINTS if setting["by"] == "any" else (str(setting["by"]),)


def similar(account: Ints, target: Ints, moment: Ints, seconds: int, accounts: int) -> Similar:
    """Similar pairs, over two sets of windows that overlap by half; a pair's larger one counts."""
    parts = [
        _in_windows(account, target, (moment + shift) // seconds, accounts)
        for shift in (0, seconds // 2)
    ]
    a, b, jaccard, matches = (np.concatenate(side) for side in zip(*parts, strict=True))
    order = np.lexsort((-matches, -jaccard, b, a))
    a, b, jaccard, matches = a[order], b[order], jaccard[order], matches[order]
    first = np.ones(len(a), bool)
    first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    return Similar(a[first], b[first], jaccard[first], matches[first])


def _in_windows(
    account: Ints, target: Ints, window: Ints, accounts: int
) -> tuple[Ints, Ints, NDArray[np.float64], NDArray[np.float64]]:
    """(a, b, Jaccard index, matched actions) of pairs under one set of windows; a < b."""
    if not len(window):
        return _NOBODY, _NOBODY, np.empty(0), np.empty(0)
    window = window - int(window.min())
    action = target * (int(window.max()) + 1) + window
    action = np.where(target >= 0, np.unique(action, return_inverse=True)[1], -1)
    done = Holdings.of(account, action)
    size = np.bincount(done.accounts, minlength=accounts).astype(np.float64)
    matrix = _affordable(done).matrix(accounts)
    both = coo_matrix(triu(matrix @ matrix.T, k=1))
    matches = both.data.astype(np.float64)
    jaccard = matches / (size[both.row] + size[both.col] - matches)
    keep = jaccard >= SIMILAR[0]
    a, b = both.row[keep].astype(np.int64), both.col[keep].astype(np.int64)
    return a, b, jaccard[keep], matches[keep]


def _affordable(done: Holdings) -> Holdings:
    """Actions of two accounts or more, fewest holders first, within MOST_PAIRS."""
    holders = np.sort(done.holders())
    cost = np.cumsum(holders.astype(np.float64) ** 2)
    beyond = holders[cost > MOST_PAIRS]
    return done.held_by(2, int(beyond[0]) - 1 if len(beyond) else len(done.accounts))
