"""Every SQL text of a scan, on both engines: the same inputs give the same rows."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import START, write_planted

pytest.importorskip("pyspark")
pytest.importorskip("sqlglot")

from tests.engine.twin import Twin

from iolaus.app import pipeline
from iolaus.app.progress import silent
from iolaus.app.scan import scan
from iolaus.app.settings import Settings
from iolaus.core.tables import ENFORCEMENT, RELEASES
from iolaus.signals import days
from iolaus.signals.tokens import collect

DAY = 86_400_000_000
HEADS = {"a000": "h000", "a001": "h001", "a002": "h002"}  # the second log knows them by other names


def write_log(log, first: int, last: int, renamed=None) -> None:
    """Days `first` to `last` of the planted log, with a release, a ban and IPv6."""
    write_planted(log)
    path, start = log / "exchanges" / "part-0.parquet", int(START.astype("int64"))
    rows = [
        row
        for row in pq.read_table(path).to_pylist()
        if first <= (int(row["ts"].timestamp() * 1e6) - start) / DAY < last
    ]
    for number, row in enumerate(rows):
        row["account_id"] = (renamed or {}).get(row["account_id"], row["account_id"])
        row["model"] = "m2" if number % 3 else "m1"
        row["prompt"] = row["prompt"] if number % 50 else "what is the capital of France?"
        if number % 7 == 0:
            row["client_ip"] = f"2001:db8:{number % 5}::{number % 11}"
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(path)), path)
    released = [{"model": "m2", "released_at": rows[0]["ts"]}]
    pq.write_table(pa.Table.from_pylist(released, RELEASES), log / "releases.parquet")
    banned = [{"account_id": "a005", "at": rows[len(rows) // 2]["ts"], "action": "ban"}]
    pq.write_table(pa.Table.from_pylist(banned, ENFORCEMENT), log / "enforcement.parquet")


@pytest.mark.slow
def test_every_step_gives_the_same_on_both_engines(spark, tmp_path, monkeypatch):
    twins = []

    def twin(engine, stages, *, memory, threads, master):
        twins.append(Twin(stages, spark=spark, memory=memory, threads=threads))
        return twins[-1]

    monkeypatch.setattr(pipeline, "open_engine", twin)
    options = {"memory": "1GB", "threads": 2, "keep_stages": False, "report": silent}
    write_log(tmp_path / "one", 4, 10)
    scan(tmp_path / "one", tmp_path / "out", Settings(), **options)
    write_log(tmp_path / "two", 10, 14, HEADS)
    for module in (days, collect):  # the second log's days are large ones
        monkeypatch.setattr(module, "LARGE_DAY", 0)
    known = tmp_path / "out" / "known.parquet"
    found = scan(tmp_path / "two", tmp_path / "out2", Settings(), known=known, **options)
    for one in twins:
        assert not one.wrong, f"{len(one.wrong)} differ\n" + "\n\n".join(one.wrong)
    assert "distillation" in found.campaigns["verdict"].to_pylist()
    assert twins[0].compared["fetch"] >= 15
    assert twins[0].compared["day_step"] >= 9
    assert twins[0].compared["step"] >= 5
    assert twins[1].compared["step"] >= 8  # recognising, too
    assert twins[1].compared["view"] >= 2  # a day's exchanges, and the tokens of large days
