"""python -m benchmarks.quality.ablation WORLD OUT: the same scan without one thing after another.

OUT is the output of a scan with --keep-stages: the log is read once, and what does not depend on
what is left out is taken from its tables. Without stages they are made.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import pyarrow.parquet as pq

from iolaus import campaigns
from iolaus.app.pipeline import Prepared, look, prepare
from iolaus.app.progress import silent
from iolaus.app.settings import Settings
from iolaus.app.source import open_source
from iolaus.campaigns import Investigation, Looked, Results, customers, judge, membership, odds
from iolaus.core.files import write_table
from iolaus.engine import Engine, Stages, Table
from iolaus.worlds import score

from .judge import compact
from .plan import MEMORY, THREADS

KEPT = (
    "recall", "precision", "false_positives", "campaign_recall", "purity", "campaigns_raised",
)  # fmt: skip

# Rules inside a step, by the constant that makes each and the value at which it does nothing.
RULES: Final[dict[str, tuple[Any, str, float]]] = {
    "small circles": (membership, "FEW", 1),
    "addresses met again": (odds, "OFTEN_BITS", 0.0),
    "a firm's home": (customers, "FIRM_HOME", 0.0),
    "rate by size": (judge, "SIZE_POWER", 0.0),
}


def ablation(world: Path, out: Path) -> dict[str, Any]:
    """{what is left out: score}; "nothing" is the whole. Families of tokens are "tokens:NAME"."""
    settings = Settings()
    source = open_source(world / "log", settings, silent)
    stages = Stages(out / "stages", source.key(settings))
    with prepare(source, stages, memory=MEMORY, threads=THREADS, report=silent) as prepared:
        looked = look(prepared, prepared.until)
        whole = _without(prepared, looked, settings, None)
        scores = {"nothing": _scored(whole, world)}
        left_out = (
            "tokens:content",
            *_families(prepared, looked),
            *_tests(whole),
            *campaigns.STEPS,
        )
        for name in left_out:
            scores[name] = _scored(_without(prepared, looked, settings, name), world)
        for name in RULES:
            with without_rule(name):
                anew = _renamed(prepared.engine, looked, name)
                scores[name] = _scored(_without(prepared, anew, settings, None), world)
    return {"without": scores}


@contextmanager
def without_rule(name: str) -> Iterator[None]:
    """As if the rule were not there."""
    module, constant, nothing = RULES[name]
    with patch.object(module, constant, nothing):
        yield


def _renamed(engine: Engine, looked: Looked, name: str) -> Looked:
    """The same look under other names, so that no group is taken from an earlier one's tables."""
    slug = "".join(c if c.isalnum() else "_" for c in name)

    def same(table: Table) -> Table:
        return engine.step(
            f"{table.name}_without_{slug}",
            f"SELECT * FROM {table.name} ORDER BY kind, value, account",
        )

    tables = (looked.tokens, looked.even_days, looked.odd_days)
    return Looked(*(same(table) for table in tables), looked.content)


def _without(
    prepared: Prepared, looked: Looked, settings: Settings, name: str | None
) -> Investigation:
    return campaigns.investigate(
        prepared.engine,
        looked,
        prepared.until,
        fdr=settings.fdr,
        seed=settings.seed,
        without=frozenset() if name is None else frozenset({name}),
    )


def _families(prepared: Prepared, looked: Looked) -> list[str]:
    rows = prepared.engine.fetch(f"SELECT DISTINCT family FROM {looked.tokens.name} ORDER BY 1")
    return [f"tokens:{family}" for family in rows["family"].to_pylist()]


def _tests(found: Investigation) -> list[str]:
    """Detectors that decide and ran on some group; the others change nothing here."""
    ran = (f for judged in found.judged for f in judged.findings if f.decides and f.measured)
    return list(dict.fromkeys(f.detector for f in ran))


def _scored(found: Investigation, world: Path) -> dict[str, Any]:
    result = campaigns.results(found)
    with TemporaryDirectory() as directory:
        write_table(result.campaigns, Path(directory) / "campaigns.parquet")
        write_table(result.members, Path(directory) / "members.parquet")
        whole = compact(score(world / "truth", Path(directory)))
    kept = {name: whole[name] for name in KEPT if name in whole}
    return {**kept, "p": _claim(result, _guilty(world))}


def _guilty(world: Path) -> set[str]:
    rows = pq.read_table(world / "truth" / "accounts.parquet").to_pylist()
    return {row["account_id"] for row in rows if row["campaign_id"] is not None}


def _claim(result: Results, guilty: set[str]) -> float:
    """p of the claim "distillation" for the group with most campaign accounts; 1 without one."""
    members = result.members.select(["campaign_id", "account_id"]).to_pylist()
    inside = Counter(row["campaign_id"] for row in members if row["account_id"] in guilty)
    p = {row["campaign_id"]: row["p_value"] for row in result.campaigns.to_pylist()}
    return float(p[inside.most_common(1)[0][0]]) if inside else 1.0


if __name__ == "__main__":
    print(json.dumps(ablation(Path(sys.argv[1]), Path(sys.argv[2]))))
