"""A scan against the truth: who was found, who was wrongly accused, what left before."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.core.statistics import wilson_interval

CALLED = 0.5  # an account is called at this probability of a `distillation` cluster, or above
FOUND = 0.5  # a campaign is found when one cluster holds at least this share of its accounts
ACCUSING: Final = "distillation"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Rate:
    """A share with its Wilson 95 % interval; all None where `of` is 0."""

    hits: int
    of: int
    value: float | None
    low: float | None
    high: float | None

    @staticmethod
    def at(hits: int, of: int) -> "Rate":
        if of == 0:
            return Rate(hits, of, None, None, None)
        low, high = wilson_interval(hits, of)
        return Rate(hits, of, hits / of, low, high)

    def __str__(self) -> str:
        if self.value is None:
            return "not measured"
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f}), {self.hits:,} of {self.of:,}"


@dataclass(frozen=True)
class Score:
    """How a scan did. Rates count accounts unless said otherwise; None is 'not measured'."""

    recall: Rate
    precision: Rate
    false_positives: Rate  # called honest accounts among all honest ones
    false_positives_by_population: dict[str, Rate]
    false_positives_by_country: dict[str, Rate]
    campaigns_raised: int  # clusters with the verdict distillation
    campaign_recall: Rate  # true campaigns of which one cluster calls at least half
    purity: Rate  # called members that belong to their cluster's largest true campaign
    verdicts_by_population: dict[str, dict[str, int]]  # clusters by their largest honest population
    brier: float | None  # of each account's probability of distillation; 0 where it is no member
    exchanges_lost: Rate | None  # campaign exchanges before their account was named
    median_days_to_naming: float | None  # from an account's first exchange of the campaign
    accounts_named: Rate | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def table(self) -> list[tuple[str, str]]:
        """(what, value) rows for people; false positives only where there are any."""
        rows = [
            ("account recall", str(self.recall)),
            ("account precision", str(self.precision)),
            ("honest accounts called", str(self.false_positives)),
            ("campaigns raised", str(self.campaigns_raised)),
            ("campaign recall", str(self.campaign_recall)),
            ("purity", str(self.purity)),
            ("Brier score", "not measured" if self.brier is None else f"{self.brier:.5f}"),
        ]
        rows += [
            (f"honest accounts called, {name}", str(rate))
            for by in (self.false_positives_by_population, self.false_positives_by_country)
            for name, rate in by.items()
            if rate.hits
        ]
        rows += [
            (f"clusters of {name}", ", ".join(f"{v} {n}" for v, n in sorted(verdicts.items())))
            for name, verdicts in self.verdicts_by_population.items()
        ]
        days = self.median_days_to_naming
        rows += [
            ("exchanges lost before naming", str(self.exchanges_lost or "not measured")),
            ("campaign accounts named", str(self.accounts_named or "not measured")),
            ("median days to naming", "not measured" if days is None else f"{days:.2f}"),
        ]
        return rows


def score(truth: Path, out: Path) -> Score:
    """Score OUT/campaigns.parquet and members.parquet, and detections.parquet where it is.

    `truth` has accounts.parquet (account_id, population, campaign_id, country) and, optionally,
    campaign_exchanges.parquet (account_id, ts). Raises InputError where a file or column lacks,
    or a member is not in the truth.
    """
    people = {
        str(row["account_id"]): row
        for row in _rows(
            truth / "accounts.parquet", ("account_id", "population", "campaign_id", "country")
        )
    }
    verdicts = {
        str(row["campaign_id"]): str(row["verdict"])
        for row in _rows(out / "campaigns.parquet", ("campaign_id", "verdict"))
    }
    members = _rows(out / "members.parquet", ("campaign_id", "account_id", "probability"))
    _known(members, people, out / "members.parquet")
    chance = _chances(members, verdicts)
    called = {account for account, p in chance.items() if p >= CALLED}
    guilty = {account for account, row in people.items() if row["campaign_id"] is not None}
    clusters = _clusters(members)
    accusing = [who for name, who in clusters.items() if verdicts.get(name) == ACCUSING]
    honest = {a: r for a, r in people.items() if a not in guilty}
    lost, days, named = _delays(truth, out, guilty)
    return Score(
        recall=Rate.at(len(called & guilty), len(guilty)),
        precision=Rate.at(len(called & guilty), len(called)) if guilty else Rate.at(0, 0),
        false_positives=Rate.at(len(called - guilty), len(honest)),
        false_positives_by_population=_by("population", honest, called),
        false_positives_by_country=_by("country", honest, called),
        campaigns_raised=sum(v == ACCUSING for v in verdicts.values()),
        campaign_recall=_campaign_recall(people, accusing),
        purity=_purity(people, accusing),
        verdicts_by_population=_verdicts(people, clusters, verdicts),
        brier=_brier(people, chance, guilty),
        exchanges_lost=lost,
        median_days_to_naming=days,
        accounts_named=named,
    )


def _rows(path: Path, columns: Iterable[str]) -> Rows:
    if not path.exists():
        raise InputError(
            "there is no such file.",
            where=str(path),
            next_step="Give a truth directory and the output of a scan.",
        )
    missing = [c for c in columns if c not in pq.read_schema(path).names]
    if missing:
        raise InputError(f"column '{missing[0]}' is missing.", where=str(path))
    rows: Rows = pq.read_table(path, columns=list(columns)).to_pylist()
    return rows


def _known(members: Rows, people: Mapping[str, Any], where: Path) -> None:
    for row in members:
        if row["account_id"] not in people:
            raise InputError(
                f"account '{row['account_id']}' is not in the truth.",
                where=str(where),
                next_step="Score a scan against the truth of the log that it read.",
            )


def _chances(members: Rows, verdicts: Mapping[str, str]) -> dict[str, float]:
    """Each account's highest probability in a cluster called distillation."""
    best: dict[str, float] = {}
    for row in members:
        if verdicts.get(str(row["campaign_id"])) == ACCUSING:
            account = str(row["account_id"])
            best[account] = max(best.get(account, 0.0), float(row["probability"] or 0.0))
    return best


def _clusters(members: Rows) -> dict[str, set[str]]:
    out: dict[str, set[str]] = defaultdict(set)
    for row in members:
        if float(row["probability"] or 0.0) >= CALLED:
            out[str(row["campaign_id"])].add(str(row["account_id"]))
    return dict(out)


def _by(column: str, honest: Mapping[str, Any], called: set[str]) -> dict[str, Rate]:
    sizes = Counter(str(row[column]) for row in honest.values())
    hits = Counter(str(row[column]) for account, row in honest.items() if account in called)
    return {name: Rate.at(hits[name], size) for name, size in sorted(sizes.items())}


def _campaign_recall(people: Mapping[str, Any], accusing: list[set[str]]) -> Rate:
    sizes = Counter(row["campaign_id"] for row in people.values() if row["campaign_id"])
    most: Counter[str] = Counter()
    for cluster in accusing:
        for name, size in Counter(people[a]["campaign_id"] for a in cluster).items():
            if name is not None:
                most[name] = max(most[name], size)
    return Rate.at(sum(most[n] >= FOUND * size for n, size in sizes.items()), len(sizes))


def _purity(people: Mapping[str, Any], accusing: list[set[str]]) -> Rate:
    if not any(row["campaign_id"] for row in people.values()):
        return Rate.at(0, 0)
    hits = 0
    for cluster in accusing:
        names = Counter(people[a]["campaign_id"] for a in cluster)
        hits += max((n for name, n in names.items() if name is not None), default=0)
    return Rate.at(hits, sum(map(len, accusing)))


def _verdicts(
    people: Mapping[str, Any], clusters: Mapping[str, set[str]], verdicts: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """Clusters that are mostly honest, by their largest population and verdict."""
    out: dict[str, Counter[str]] = defaultdict(Counter)
    for name, cluster in sorted(clusters.items()):
        honest = [people[a]["population"] for a in cluster if people[a]["campaign_id"] is None]
        if 2 * len(honest) > len(cluster):
            sizes = Counter(honest)
            largest = min(sizes, key=lambda population: (-sizes[population], population))
            out[largest][verdicts.get(name, "undetermined")] += 1
    return {name: dict(counts) for name, counts in sorted(out.items())}


def _brier(
    people: Mapping[str, Any], chance: Mapping[str, float], guilty: set[str]
) -> float | None:
    if not people:
        return None
    return sum((chance.get(a, 0.0) - (a in guilty)) ** 2 for a in people) / len(people)


def _delays(
    truth: Path, out: Path, guilty: set[str]
) -> tuple[Rate | None, float | None, Rate | None]:
    """Exchanges lost, median days to naming, accounts named; None without a replay."""
    if not (out / "detections.parquet").exists():
        return None, None, None
    named: dict[str, datetime] = {}
    columns = ("account_id", "verdict", "detected_at")
    for row in _rows(out / "detections.parquet", columns):
        account, at = str(row["account_id"]), row["detected_at"]
        if row["verdict"] == ACCUSING and at is not None:
            named[account] = min(named.get(account, at), at)
    accounts = Rate.at(len(guilty & named.keys()), len(guilty))
    if not (truth / "campaign_exchanges.parquet").exists():
        return None, None, accounts
    sent = _rows(truth / "campaign_exchanges.parquet", ("account_id", "ts"))
    lost, first = 0, dict[str, datetime]()
    for row in sent:
        account, ts = str(row["account_id"]), row["ts"]
        lost += account not in named or ts < named[account]
        first[account] = min(first.get(account, ts), ts)
    waits = [(named[a] - at).total_seconds() / 86_400 for a, at in first.items() if a in named]
    return Rate.at(lost, len(sent)), median(waits) if waits else None, accounts
