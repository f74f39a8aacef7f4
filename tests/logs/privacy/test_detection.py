"""A scan finds the same in a pseudonymised log: groups, members, verdicts, counts.

What differs is chance alone: null groups are drawn from tokens in the order of their hashes, and
pseudonyms have other hashes, so p-values of tests by draws differ as they do from seed to seed.
"""

import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from iolaus.app.progress import silent
from iolaus.app.scan import scan
from iolaus.app.settings import Settings
from iolaus.logs.privacy import Keys, Pseudonymiser
from iolaus.logs.privacy.keys import Key
from iolaus.worlds import simulate

EXACT = ("verdict", "accounts", "exchanges", "input_tokens", "output_tokens", "first_seen",
         "last_seen", "capabilities", "models")  # fmt: skip


def pseudonymised(log: Path, to: Path) -> dict[str, str]:
    """Write the log anew under pseudonyms; returns raw account ids by pseudonym."""
    made, raw = Pseudonymiser(Keys((Key("k1", b"1" * 32),))), {}
    for path in sorted(log.rglob("*.parquet")):
        table = pq.read_table(path)
        new = made.table(table)
        target = to / path.relative_to(log)
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(new, target)
        if "account_id" in table.column_names:
            raw |= dict(zip(new["account_id"].to_pylist(), table["account_id"].to_pylist(),
                            strict=True))  # fmt: skip
    return raw


def found(log: Path, out: Path, raw: dict[str, str]) -> dict[frozenset[Any], dict[str, Any]]:
    """Campaigns by their members: (raw id, probability, exchanges, how it was linked)."""
    options = {"memory": "1GB", "threads": 2, "keep_stages": False, "report": silent}
    scan(log, out, Settings(), **options)
    members: dict[str, set[Any]] = {}
    for row in pq.read_table(out / "members.parquet").to_pylist():
        account = raw.get(row["account_id"], row["account_id"])
        one = (account, round(row["probability"], 6), row["exchanges"], row["first_linked_by"])
        members.setdefault(row["campaign_id"], set()).add(one)
    campaigns = pq.read_table(out / "campaigns.parquet").to_pylist()
    return {frozenset(members[row["campaign_id"]]): row for row in campaigns}


@pytest.mark.slow
def test_a_scan_finds_the_same_under_pseudonyms(tmp_path: Path) -> None:
    world = tmp_path / "world"
    simulate("spike", seed=7, accounts=1_000, campaign_accounts=100, exchanges=40_000, out=world)
    raw = pseudonymised(world / "log", tmp_path / "log")
    plain = found(world / "log", tmp_path / "plain", {})
    other = found(tmp_path / "log", tmp_path / "other", raw)
    names = {member[0] for group in plain for member in group}
    assert names.isdisjoint(raw)  # that they are mapped back is what makes them equal
    assert plain.keys() == other.keys()
    assert "distillation" in {row["verdict"] for row in plain.values()}
    for group, row in plain.items():
        assert {n: row[n] for n in EXACT} == {n: other[group][n] for n in EXACT}
        if row["p_value"] is not None:
            assert abs(math.log2(row["p_value"] / other[group]["p_value"])) < 2
