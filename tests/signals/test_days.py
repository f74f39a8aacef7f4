"""Daily tables: a day at a time, made once; what large days leave out."""

from datetime import timedelta

import numpy as np
import pytest
from tests.signals.making import at, prepare, rows_table
from tests.signals.test_tables import CLAIMED, random_exchanges

from iolaus import signals
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, FEATURES, RELEASES
from iolaus.engine import DuckEngine, Stages
from iolaus.signals import days
from iolaus.signals.tokens import collect


def rows(engine, table):
    """All rows of a table, in an order of their own."""
    columns = engine.fetch(f"SELECT * FROM {table}")
    return sorted(map(str, columns.to_pylist()))


def keep(engine, exchanges):
    numbered = [
        {"exchange_hash": i, "model": "m", "source_file": 0, "source_row": i} | row
        for i, row in enumerate(exchanges)
    ]
    engine.keep("features", rows_table(numbered, FEATURES))
    engine.keep("releases", RELEASES.empty_table())
    engine.keep("enforcement", ENFORCEMENT.empty_table())
    engine.stages.table("accounts").path.unlink(missing_ok=True)
    signals.accounts(engine, rows_table(CLAIMED, ACCOUNTS))
    signals.daily(engine)


def test_days_that_are_added_give_the_same_tables_and_old_ones_are_not_made_again(tmp_path):
    exchanges = random_exchanges(3)
    for row in exchanges:
        row["skeleton"] = int(np.random.default_rng(row["ts"].microsecond).integers(9))
    first = [row for row in exchanges if row["ts"] < at(3)]
    # Accounts are numbered by their first exchange, so those of later days come after.
    with DuckEngine(Stages(tmp_path / "a", "a"), memory="500MB", threads=1) as grown:
        keep(grown, first)
        written = {p: p.stat().st_mtime_ns for p in grown.stages.parts("profiles")}
        assert len(written) == 3
        grown.stages.table("shared_prompts").path.unlink()
        keep(grown, exchanges)
        assert {p: p.stat().st_mtime_ns for p in written} == written
        with DuckEngine(Stages(tmp_path / "b", "b"), memory="500MB", threads=1) as whole:
            keep(whole, exchanges)
            for table in (*days.TABLES, "shared_prompts"):
                assert rows(grown, table) == rows(whole, table), table
                for one, other in zip(
                    grown.stages.parts(table), whole.stages.parts(table), strict=True
                ):
                    assert one.read_bytes() == other.read_bytes(), one


def test_days_made_side_by_side_are_the_same_files(tmp_path):
    exchanges = random_exchanges(3)
    for row in exchanges:
        row["skeleton"] = row["ts"].minute % 4
    written = []
    for threads in (1, 3):
        stages = Stages(tmp_path / str(threads), "a")
        with DuckEngine(stages, memory="500MB", threads=threads) as engine:
            keep(engine, exchanges)
            assert len(stages.parts("bursts")) > 3
            written.append([
                (path.parent.name, path.name, path.read_bytes())
                for table in ("account_days", *days.TABLES) for path in stages.parts(table)
            ])  # fmt: skip
    assert written[0] == written[1]


def test_a_day_that_fails_stops_those_that_wait_for_it(tmp_path, monkeypatch):
    step = DuckEngine.day_step

    def failing(engine, name, day, *rest):
        if name == "skeleton_days" and day == at(1).date():
            raise OSError("no more")
        step(engine, name, day, *rest)

    monkeypatch.setattr(DuckEngine, "day_step", failing)
    stages = Stages(tmp_path, "a")
    with DuckEngine(stages, memory="500MB", threads=3) as engine:
        with pytest.raises(OSError, match="no more"):
            keep(engine, random_exchanges(3))
        monkeypatch.undo()
        assert all(path.name <= f"day={at(1).date()}" for path in stages.parts("bursts"))
        keep(engine, random_exchanges(3))  # goes on
        assert len(stages.parts("bursts")) == len(stages.parts("skeleton_days"))


@pytest.mark.parametrize(("limit", "alone"), [(100, 3), (3, 0)])
def test_a_large_day_leaves_out_what_one_account_alone_shows(engine, monkeypatch, limit, alone):
    monkeypatch.setattr(days, "LARGE_DAY", limit)
    shown = {"skeleton": 1, "prompt_hash": 1, "phrases": [1], "system_hash": 7}
    own = {"skeleton": 2, "prompt_hash": 2, "phrases": [2], "system_hash": 8}
    prepare(
        engine,
        [
            {"account_id": account, "ts": at(i / 100), **texts}
            for i, (account, texts) in enumerate(
                (("a", shown), ("b", shown), ("a", own), ("a", own))
            )
        ],
    )
    kinds = ("skeleton", "phrase")
    counted = engine.fetch(
        "SELECT (SELECT count(*) FROM wording_days WHERE value = 2 AND kind IN $kinds) "
        "     + (SELECT count(*) FROM prompt_days WHERE prompt_hash = 2) AS own, "
        "       (SELECT count(*) FROM wording_days WHERE value = 1) AS common, "
        "       (SELECT count(*) FROM wording_days WHERE kind = 'system_prompt') AS systems",
        {"kinds": list(kinds)},
    ).to_pylist()
    assert counted == [{"own": alone, "common": 4, "systems": 3}]


@pytest.mark.parametrize("limit", [0, 160])
def test_tokens_of_large_days_are_those_of_small_ones(tmp_path, monkeypatch, limit):
    """Read from daily tables, or collected in one file: the same tokens of several accounts."""
    random = np.random.default_rng(5)
    exchanges = random_exchanges(3)
    for row in exchanges:
        row["skeleton"] = int(random.integers(random.choice([12, 400])))  # own ones, and others
        row["system_hash"] = int(random.integers(random.choice([12, 300])))
        row["tls_fingerprint"] = f"t{random.integers(50)}"
    found, rows_of = {}, {}
    for most in (10**6, limit):
        monkeypatch.setattr(collect, "LARGE_DAY", most)
        with DuckEngine(Stages(tmp_path / str(most), "a"), memory="500MB", threads=1) as engine:
            keep(engine, exchanges)
            one_file = signals.token_days(engine)
            assert (one_file is None) == (most == limit)
            until = max(row["ts"] for row in exchanges).date() + timedelta(days=1)
            signals.tokens(engine, until, "whole")
            signals.tokens(engine, until, "even", even_days=True)
            signals.held_out_tokens(engine, until, "odd")
            found[most] = [
                engine.fetch(f"SELECT * FROM {name}").to_pylist()
                for name in ("whole", "even", "odd")
            ]
            rows_of[most] = rows(engine, "token_days")
    assert {row["kind"] for row in found[limit][0]} >= {"ip_day", "skeleton", "client_software"}
    assert all(found[limit])
    assert found[limit] == found[10**6]
    if limit:  # some days are below it, so what stands alone may be of any wording
        assert rows_of[limit] == rows_of[10**6]
