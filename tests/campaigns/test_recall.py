"""Results under known names, with recognised accounts counted in."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from iolaus.campaigns.known import MARKS as MARK_TABLE
from iolaus.campaigns.known import Known, known
from iolaus.campaigns.memory import Named
from iolaus.campaigns.recall import recall, with_recognised
from iolaus.campaigns.recognise import RECOGNISED
from iolaus.campaigns.results import Results
from iolaus.core.tables import CAMPAIGNS, EVIDENCE, MEMBERS

AT = datetime(2026, 5, 9, 12, tzinfo=UTC)
LATER = datetime(2026, 5, 10, 12, tzinfo=UTC)
UNTIL = date(2026, 5, 12)


def before() -> Known:
    row = {"campaign_id": "c-old", "first_named": AT, "prior": 0.1, "aliases": []}
    return known([row], [], MARK_TABLE.empty_table())


def result(verdict: str) -> Results:
    """Groups c-1 (of this verdict, two members, 10 exchanges) and c-2."""
    campaigns = [
        {"campaign_id": name, "verdict": says, "accounts": 2, "exchanges": 10, "input_tokens": 5,
         "output_tokens": 7, "first_seen": LATER, "last_seen": LATER, "models": ["m"],
         "capabilities": [], "summary": "Two accounts."}
        for name, says in (("c-2", "distillation"), ("c-1", verdict))
    ]  # fmt: skip
    members = [
        {"campaign_id": "c-1", "account_id": a, "probability": 1.0, "exchanges": 5} for a in "ab"
    ]
    evidence = [{"campaign_id": "c-1", "detector": "tempo", "element": "coordination"}]
    return Results(
        pa.Table.from_pylist(campaigns, schema=CAMPAIGNS),
        pa.Table.from_pylist(members, schema=MEMBERS),
        pa.Table.from_pylist(evidence, schema=EVIDENCE),
    )


NAMES = Named(["c-2", "c-old"], {}, {"c-2": "c-2", "c-1": "c-old"})


def row_of(table: pa.Table, name: str) -> dict:
    return next(row for row in table.to_pylist() if row["campaign_id"] == name)


def test_every_table_says_the_kept_id():
    told = recall(result("distillation"), NAMES, before())
    for table in (told.campaigns, told.members, told.evidence):
        assert "c-1" not in table["campaign_id"].to_pylist()
        assert "c-old" in table["campaign_id"].to_pylist()
    assert row_of(told.campaigns, "c-old")["summary"] == "Two accounts."


def test_what_is_known_stays_distillation_and_says_what_this_log_alone_shows():
    told = recall(result("shared_software"), NAMES, before())
    row = row_of(told.campaigns, "c-old")
    assert row["verdict"] == "distillation"
    assert row["summary"].endswith(
        "Known as distillation since 2026-05-09; this log alone says shared software."
    )


def test_an_unknown_group_keeps_its_verdict():
    told = recall(result("resale"), Named(["c-2", "c-1"], {}, {}), before())
    assert row_of(told.campaigns, "c-1")["verdict"] == "resale"


def recognised(*accounts: str) -> pa.Table:
    rows = [
        {"account_id": a, "campaign_id": "c-old", "bits": 14.0 + i, "at": AT,
         "by": ["wording", "money"], "exchanges": 1}
        for i, a in enumerate(accounts)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=RECOGNISED)


@pytest.fixture
def log(engine):
    """x sends 3 exchanges with model n (6 tokens in and 9 out in all), y one of unknown tokens."""
    engine.keep("accounts", pa.table({"account": [0, 1], "account_id": ["x", "y"]}))
    seen = [("x", AT), ("x", LATER), ("y", AT)]
    days = [{"account_id": a, "day": t.date(), "first_at": t, "last_at": t} for a, t in seen]
    engine.keep("account_days", pa.Table.from_pylist(days))
    profiles = {
        "account": [0, 0, 1],
        "day": [AT.date(), LATER.date(), AT.date()],
        "exchanges": [2, 1, 1],
        "tokens_known": [2, 1, 0],
        "input_tokens": [4, 2, 0],
        "output_tokens": [6, 3, 0],
    }
    engine.keep("profiles", pa.table(profiles))
    uses = {"account": [0, 1], "model": ["n", "m"], "day": [AT.date(), AT.date()]}
    engine.keep("model_uses", pa.table(uses))
    return engine


def test_recognised_accounts_are_counted_into_their_campaign(log):
    told = recall(result("distillation"), NAMES, before())
    grown = with_recognised(told, recognised("x", "y"), before(), log, UNTIL)
    row = row_of(grown.campaigns, "c-old")
    assert (row["accounts"], row["exchanges"]) == (4, 14)
    assert (row["input_tokens"], row["output_tokens"]) == (11, 16)
    assert (row["first_seen"], row["last_seen"], row["models"]) == (AT, LATER, ["m", "n"])
    assert "2 accounts carry the marks of this campaign" in row["summary"]
    added = {r["account_id"]: r for r in grown.members.to_pylist() if r["account_id"] in "xy"}
    assert (added["x"]["exchanges"], added["x"]["first_linked_by"]) == (3, "wording")
    assert added["x"]["probability"] == pytest.approx(2**14 / 9 / (1 + 2**14 / 9))
    assert row_of(grown.campaigns, "c-2") == row_of(told.campaigns, "c-2")
    shown = [r for r in grown.evidence.to_pylist() if r["detector"] == "known marks"]
    assert [(r["value"], r["weight_bits"], r["p_value"]) for r in shown] == [(2.0, 14.0, None)]


def test_a_known_campaign_without_a_group_gets_a_row_that_was_not_tested(log):
    grown = with_recognised(result("resale"), recognised("y"), before(), log, UNTIL)
    row = row_of(grown.campaigns, "c-old")
    assert (row["verdict"], row["accounts"], row["exchanges"]) == ("distillation", 1, 1)
    assert (row["p_value"], row["q_value"], row["input_tokens"]) == (None, None, None)


def test_an_account_that_a_campaign_found_here_holds_is_not_listed_twice(log):
    told = result("distillation")
    assert with_recognised(told, recognised("a"), before(), log, UNTIL) is told
