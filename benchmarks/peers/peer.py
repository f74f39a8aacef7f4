"""What a peer is: a published detector behind one small interface, judged exactly as ours is.

A peer reads a log directory (docs/data-contract.md) and gives groups of accounts. `write` turns
them into campaigns.parquet and members.parquet with the verdict `distillation` and probability 1,
so that `iolaus.worlds.score` scores a peer like a scan.

Peers whose unit is one account (volume, PRADA, SEAT, MMD) give one group per flagged account.
Account recall and precision are what they are judged on: to find a campaign as one is no claim
of theirs, and their union is not counted as one.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Generic, TypeVar

import pyarrow as pa

from iolaus.core.files import write_table, write_text
from iolaus.core.tables import CAMPAIGNS, MEMBERS

from .log import Log, NotApplicable

ACCUSING: Final = "distillation"
Value = str | int | float | bool
Setting = Mapping[str, Value]
Evidence = TypeVar("Evidence")


@dataclass(frozen=True)
class Group:
    """Accounts that a peer calls together. `score` orders groups, most suspicious highest."""

    accounts: tuple[str, ...]
    score: float


class Peer(ABC, Generic[Evidence]):
    """One published detector.

    needs: columns as 'table.column'; all of them where `needs_all`, else at least one. settings:
    the grid of its own parameters, from which `tune` freezes one on development worlds. unit:
    'group' or 'account', what a group of its answer is.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    needs_all: ClassVar[bool] = True
    unit: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]]

    def groups(self, log: Path, setting: Setting) -> list[Group]:
        """Groups, most suspicious first. Raises NotApplicable where the log lacks what it needs."""
        return self.decide(self.prepare(self.usable(Log(log)), [setting]), setting)

    def usable(self, log: Log) -> Log:
        """The log itself, once what the peer needs is measured in it."""
        missing = [column for column in self.needs if not log.measured(column)]
        if missing and (self.needs_all or len(missing) == len(self.needs)):
            raise NotApplicable(f"{self.name} needs {', '.join(missing)}: absent or all null.")
        return log

    @abstractmethod
    def prepare(self, log: Log, settings: Sequence[Setting]) -> Evidence:
        """All that costs: what these settings need, and share."""

    @abstractmethod
    def decide(self, evidence: Evidence, setting: Setting) -> list[Group]:
        """The groups at one setting, most suspicious first."""


def ordered(groups: Sequence[Group]) -> list[Group]:
    """Most suspicious first; ties by size and name, so that the order is always the same."""
    return sorted(groups, key=lambda g: (-g.score, -len(g.accounts), g.accounts))


def flagged(accounts: Sequence[str], scores: Sequence[float], least: float) -> list[Group]:
    """One group per account whose score reaches `least` (NaN: not measured, never flagged)."""
    pairs = zip(accounts, scores, strict=True)
    return ordered([Group((a,), float(s)) for a, s in pairs if s >= least])


def write(groups: Sequence[Group], out: Path) -> None:
    """OUT/campaigns.parquet and members.parquet; what a peer does not measure is null."""
    names = [f"peer_{number:06d}" for number in range(len(groups))]
    members = [(n, a) for n, g in zip(names, groups, strict=True) for a in g.accounts]
    campaigns: dict[str, Sequence[object]] = {
        "campaign_id": names,
        "verdict": [ACCUSING] * len(names),
        "accounts": [len(g.accounts) for g in groups],
        "summary": [f"score {g.score:.6g}" for g in groups],
    }
    write_table(_filled(CAMPAIGNS, campaigns, len(names)), out / "campaigns.parquet")
    rows: dict[str, Sequence[object]] = {
        "campaign_id": [n for n, _ in members],
        "account_id": [a for _, a in members],
        "probability": [1.0] * len(members),
    }
    write_table(_filled(MEMBERS, rows, len(members)), out / "members.parquet")


def _filled(schema: pa.Schema, columns: Mapping[str, Sequence[object]], rows: int) -> pa.Table:
    arrays = [pa.array(columns.get(f.name, [None] * rows), f.type) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def scan(peer: "Peer[Evidence]", log: Path, setting: Setting, out: Path) -> str | None:
    """Run a peer and write its answer. Gives why it was not applicable, or None.

    Not applicable is written as no campaign, with the reason in OUT/run.json: it found nothing.
    """
    why: str | None = None
    try:
        groups = peer.groups(log, setting)
    except NotApplicable as reason:
        groups, why = [], str(reason)
    write(groups, out)
    run = {"peer": peer.name, "setting": dict(setting), "not_applicable": why}
    write_text(json.dumps(run, indent=1) + "\n", out / "run.json")
    return why
