"""What one run knows helps a later one: ids stay, and new heads are named without a group."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import START, is_campaign, write_planted

from iolaus import campaigns
from iolaus.app.known import FILE, read_known, write_known
from iolaus.app.progress import silent
from iolaus.app.scan import scan
from iolaus.app.settings import Settings
from iolaus.core.errors import InputError
from iolaus.core.tables import CAMPAIGNS, EVIDENCE, FAMILIES, MEMBERS

CUT = 10  # days: the first log ends and the second begins
HEADS = ("a000", "a001", "a002")  # of the campaign: too few to be a group


def run(log, out, known=None):
    options = {"memory": "1GB", "threads": 2, "keep_stages": False, "report": silent}
    return scan(log, out, Settings(), known=known, **options)


def part_of(log, kept, renamed=None) -> None:
    """Cut a planted log: rows for which `kept(account_id, day)`, some accounts under new ids."""
    renamed = renamed or {}
    for path, column in (
        (log / "exchanges" / "part-0.parquet", "ts"),
        (log / "accounts.parquet", None),
    ):
        table = pq.read_table(path)
        days = [0.0] * len(table)
        if column:
            start = int(START.astype("int64"))
            days = [(t - start) / 86_400e6 for t in table[column].cast(pa.int64()).to_pylist()]
        ids = table["account_id"].to_pylist()
        mask = [column is None or kept(a, d) for a, d in zip(ids, days, strict=True)]
        place = table.schema.get_field_index("account_id")
        new = pa.array([renamed.get(a, a) for a in ids], pa.string())
        pq.write_table(table.set_column(place, "account_id", new).filter(mask), path)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A scan of the first days."""
    place = tmp_path_factory.mktemp("earlier")
    write_planted(place / "log")
    part_of(place / "log", lambda account, day: day < CUT)
    run(place / "log", place / "out")
    return place / "out"


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """A log of the days after, in which three accounts are left, under other ids."""
    log = tmp_path_factory.mktemp("later") / "log"
    write_planted(log)
    part_of(
        log,
        lambda account, day: day >= CUT and (account in HEADS or not is_campaign(account)),
        {account: f"new-{account}" for account in HEADS},
    )
    return log


def campaign_of(out) -> str:
    rows = pq.read_table(out / "campaigns.parquet").to_pylist()
    return next(row["campaign_id"] for row in rows if row["verdict"] == "distillation")


def test_heads_that_grow_back_are_named_under_the_known_campaign(earlier, heads, tmp_path):
    run(heads, tmp_path, earlier / "known.parquet")
    campaigns = pq.read_table(tmp_path / "campaigns.parquet")
    assert campaigns.schema.equals(CAMPAIGNS)
    row = campaigns.to_pylist()[0]
    assert (row["campaign_id"], row["verdict"]) == (campaign_of(earlier), "distillation")
    assert (row["accounts"], row["q_value"]) == (len(HEADS), None)
    members = pq.read_table(tmp_path / "members.parquet")
    assert members.schema.equals(MEMBERS)
    named = [r for r in members.to_pylist() if r["campaign_id"] == row["campaign_id"]]
    assert {r["account_id"] for r in named} == {f"new-{a}" for a in HEADS}
    assert all(r["probability"] >= 0.99 for r in named)
    assert sum(r["exchanges"] for r in named) == row["exchanges"]
    assert {r["first_linked_by"] for r in named} <= set(FAMILIES)
    evidence = pq.read_table(tmp_path / "evidence.parquet")
    assert evidence.schema.equals(EVIDENCE)
    assert "known marks" in evidence["detector"].to_pylist()
    assert row["campaign_id"] in (tmp_path / "report.html").read_text()
    facts = json.loads((tmp_path / "run.json").read_text())
    assert (facts["known_campaigns"], facts["recognised"]) == (1, len(HEADS))


def test_the_look_is_told_which_campaigns_are_known(earlier, heads, tmp_path, monkeypatch):
    told, investigate = [], campaigns.investigate

    def listening(*args, known, **options):
        told.append(len(known))
        return investigate(*args, known=known, **options)

    monkeypatch.setattr("iolaus.app.scan.campaigns.investigate", listening)
    run(heads, tmp_path / "with", earlier / "known.parquet")
    run(heads, tmp_path / "without")
    assert told == [1, 0]


def test_without_the_file_they_are_not(heads, tmp_path):
    run(heads, tmp_path)
    assert (
        "distillation" not in pq.read_table(tmp_path / "campaigns.parquet")["verdict"].to_pylist()
    )


def test_a_campaign_found_again_keeps_its_id(earlier, planted_log, tmp_path):
    """The whole log has accounts that are older than those of the first scan."""
    known = read_known(earlier / "known.parquet")
    renamed = pa.array(["c-older"], pa.string())
    known = type(known)(
        known.campaigns.set_column(0, "campaign_id", renamed),
        known.members.set_column(0, "campaign_id", pa.array(["c-older"] * len(known.members))),
        known.marks.set_column(0, "campaign_id", pa.array(["c-older"] * len(known.marks))),
    )
    write_known(known, tmp_path / "known.parquet")
    run(planted_log, tmp_path / "out", tmp_path / "known.parquet")
    assert campaign_of(tmp_path / "out") == "c-older"
    after = read_known(tmp_path / "out" / "known.parquet")
    assert after.campaigns["campaign_id"].to_pylist() == ["c-older"]
    members = pq.read_table(tmp_path / "out" / "members.parquet")
    mine = [r for r in members.to_pylist() if r["campaign_id"] == "c-older"]
    assert sum(is_campaign(r["account_id"]) for r in mine) == len(mine) >= 55
    assert len(set(members["account_id"].to_pylist())) == len(members)


def test_the_file_reads_back_and_is_the_same_bytes(earlier, tmp_path):
    known = read_known(earlier / "known.parquet")
    assert known.members.num_rows >= 55
    assert known.marks.num_rows > 10
    write_known(known, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == (earlier / "known.parquet").read_bytes()
    assert pq.read_schema(earlier / "known.parquet").equals(FILE)


def test_another_file_is_refused(earlier, tmp_path):
    with pytest.raises(InputError, match="no table of known campaigns"):
        read_known(earlier / "members.parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_known(tmp_path / "missing.parquet")
