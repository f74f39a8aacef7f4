"""Known campaigns: marks, recognition at the first requests, and one id over days and bans."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.campaigns import making

from iolaus import signals
from iolaus.campaigns.candidates import Candidate
from iolaus.campaigns.investigate import Investigation
from iolaus.campaigns.judge import Judged
from iolaus.campaigns.known import LACK, MARKS, Known, known
from iolaus.campaigns.links import Forecast
from iolaus.campaigns.marks import ADDRESS_DAYS, marks
from iolaus.campaigns.memory import add_recognised, named, remember
from iolaus.campaigns.recognise import EARLY, recognise
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, FEATURES, RELEASES
from iolaus.engine import DuckEngine, Stages

START = datetime(2026, 5, 4, tzinfo=UTC)
SIZE = 30  # members, m00 to m29
HONEST = 400  # s000 to s399
FOUND = 6  # day before which the campaign was found
WORDS, POPULAR = 777, 888  # skeletons


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def until(number: int):
    return day(number).date()


class Log:
    """Accounts and exchanges by hand: a campaign of m.. among strangers s...."""

    def __init__(self) -> None:
        self.claimed: list[dict] = []
        self.exchanges: list[dict] = []
        for i in range(SIZE):
            self.account(f"m{i:02d}", payment_fingerprint=f"card{i % 6}")
            for at in range(FOUND):
                self.sends(f"m{i:02d}", at + i / 100, skeleton=WORDS, client_ip=f"9.9.{i % 5}.1")
        for i in range(HONEST):
            self.account(f"s{i:03d}", payment_fingerprint=f"own{i}")
            for at in range(FOUND):
                words = POPULAR if i % 4 == 0 else 1000 + i
                self.sends(f"s{i:03d}", at + i / 1000, skeleton=words, client_ip=f"7.{i}.1.1")

    def account(self, account_id: str, **claims) -> None:
        row = {"account_id": account_id, "email_domain": "mail.example", "plan": "free"}
        self.claimed.append(row | claims)

    def sends(self, account_id: str, at: float, **shown) -> None:
        self.exchanges.append(
            {"account_id": account_id, "ts": day(at), "model": "m", "prompt_hash": 1, **shown}
        )

    def keep(self, engine) -> None:
        rows = [
            {"exchange_hash": i, **row}
            for i, row in enumerate(sorted(self.exchanges, key=lambda r: r["ts"]))
        ]
        engine.keep("features", pa.Table.from_pylist(rows, schema=FEATURES))
        engine.keep("releases", RELEASES.empty_table())
        engine.keep("enforcement", ENFORCEMENT.empty_table())
        signals.accounts(engine, pa.Table.from_pylist(self.claimed, schema=ACCOUNTS))
        signals.daily(engine)
        signals.token_days(engine)


@pytest.fixture
def log():
    return Log()


def keys(engine, prefix: str, before: int = FOUND) -> list[int]:
    rows = engine.fetch(
        "SELECT account FROM accounts WHERE account_id LIKE $p AND first_seen < $u ORDER BY 1",
        {"p": f"{prefix}%", "u": until(before)},
    )
    return rows["account"].to_pylist()


def marks_of(engine, members: list[int], before: int = FOUND, remembered=None) -> pa.Table:
    groups = pa.table(
        {"campaign_id": ["c"] * len(members), "account": pa.array(members, pa.int32())}
    )
    return marks(engine, groups, until(before), remembered or MARKS.empty_table())


def memory(engine) -> Known:
    """The campaign c as found before day FOUND."""
    members = keys(engine, "m")
    row = {"campaign_id": "c", "first_named": day(FOUND), "prior": SIZE / 431, "aliases": []}
    ids = [{"campaign_id": "c", "account_id": f"m{i:02d}", "by": "found"} for i in range(SIZE)]
    return known([row], ids, marks_of(engine, members))


def recognised(log: Log, engine, stop: int = FOUND + 1) -> dict[str, dict]:
    log.keep(engine)
    rows = recognise(engine, memory(engine), until(FOUND), until(stop))
    return {row["account_id"]: row for row in rows.to_pylist()}


# --- marks ------------------------------------------------------------------------------------


def bits(table: pa.Table, kind: str) -> list[float]:
    return [row["bits"] for row in table.to_pylist() if row["kind"] == kind]


def test_marks_are_what_members_hold_and_others_do_not(log, engine):
    log.keep(engine)
    table = marks_of(engine, keys(engine, "m"))
    assert len(bits(table, "payment")) == 6
    assert len(bits(table, "ip")) == 5
    assert len(bits(table, "skeleton")) == 1
    assert bits(table, "signup") == []  # everybody's mail domain and plan
    assert max(bits(table, "payment")) > 7
    lacks = {r["family"]: r["bits"] for r in table.to_pylist() if r["kind"] == LACK}
    assert lacks["wording"] == pytest.approx(np.log2(0.9 / (SIZE + 1)), abs=0.01)
    assert lacks["money"] == -1.0  # cards can be bought


def test_a_mark_is_worth_less_where_strangers_show_it(log, engine, tmp_path):
    log.keep(engine)
    alone = max(bits(marks_of(engine, keys(engine, "m")), "skeleton"))
    for i in range(40):
        log.sends(f"s{i:03d}", 3.5, skeleton=WORDS)
    with DuckEngine(Stages(tmp_path / "again", "again"), memory="500MB", threads=1) as engine:
        log.keep(engine)
        shown = max(bits(marks_of(engine, keys(engine, "m")), "skeleton"))
    assert shown < alone - 3
    assert shown == pytest.approx(np.log2((30.1 / 31) / (40.5 / 401)), abs=0.1)


def test_what_one_organisation_shares_is_no_mark(log, engine):
    for row in log.claimed[:SIZE:6]:
        row["organization_id"] = "acme"  # the five holders of card0
    log.keep(engine)
    assert len(bits(marks_of(engine, keys(engine, "m")), "payment")) == 5


def test_many_rare_addresses_are_worth_less_than_one_would_show(log, engine):
    """Strangers who each meet one of the addresses count against all of them."""
    for i in range(50):
        log.sends(f"s{i:03d}", 4.5, client_ip=f"9.8.{i}.1", skeleton=1000 + i)
        for member in range(3):
            log.sends(f"m{(3 * i + member) % SIZE:02d}", 4.6, client_ip=f"9.8.{i}.1")
    log.keep(engine)
    table = marks_of(engine, keys(engine, "m"))
    worth = sorted(set(bits(table, "ip")))
    assert worth[0] < 4  # of the fifty; log2((3.1 / 31) / (1.5 / 401)) = 4.7 for each alone
    assert worth[-1] > 7  # the five that nobody else used


def test_a_remembered_mark_stays_while_nobody_shows_it_and_goes_when_strangers_do(log, engine):
    log.keep(engine)
    old = [
        {"campaign_id": "c", "family": "money", "kind": "payment", "value": 5, "bits": 9.0,
         "last_day": until(0)},
        {"campaign_id": "c", "family": "wording", "kind": "skeleton", "value": POPULAR,
         "bits": 9.0, "last_day": until(0)},
    ]  # fmt: skip
    remembered = pa.Table.from_pylist(old, schema=MARKS)
    values = marks_of(engine, keys(engine, "m"), remembered=remembered)["value"].to_pylist()
    assert 5 in values
    assert POPULAR not in values


# --- recognition ------------------------------------------------------------------------------


def test_a_new_head_is_named_at_its_first_request(log, engine):
    log.account("head", payment_fingerprint="card3")
    log.sends("head", 6.25, skeleton=WORDS, client_ip="5.5.5.5")
    log.sends("head", 6.5, skeleton=WORDS, client_ip="5.5.5.5")
    row = recognised(log, engine)["head"]
    assert (row["campaign_id"], row["at"], row["exchanges"]) == ("c", day(6.25), 2)
    assert sorted(row["by"]) == ["money", "wording"]


def test_it_is_named_at_the_request_that_decides(log, engine):
    log.account("head", payment_fingerprint="card3")
    log.sends("head", 6.25, skeleton=1)
    log.sends("head", 6.5, skeleton=WORDS)
    log.sends("head", 6.75, skeleton=WORDS)
    assert recognised(log, engine)["head"]["at"] == day(6.5)


def test_members_are_not_recognised_again(log, engine):
    log.sends("m00", 6.2, skeleton=WORDS, client_ip="9.9.0.1")
    assert recognised(log, engine) == {}


@pytest.mark.parametrize(
    ("claims", "shown"),
    [
        ({"payment_fingerprint": "card3"}, {"skeleton": 2, "client_ip": "5.5.5.5"}),
        ({}, {"skeleton": 2, "client_ip": "9.9.1.1"}),
        ({}, {"skeleton": WORDS, "client_ip": "5.5.5.5"}),
        ({"payment_fingerprint": "new"}, {"skeleton": POPULAR, "client_ip": "5.5.5.5"}),
    ],
    ids=["stolen card", "shared exit", "same wording alone", "popular wording"],
)
def test_one_family_alone_never_decides(log, engine, claims, shown):
    log.account("stranger", **claims)
    log.sends("stranger", 6.5, **shown)
    assert recognised(log, engine) == {}


TOOL = {"tls_fingerprint": "t13d", "user_agent": "sdk/1"}


@pytest.mark.parametrize(("card", "named"), [("card3", True), ("new", False)])
def test_a_tool_s_software_and_wording_count_once(log, engine, card, named):
    for exchange in log.exchanges:
        exchange |= TOOL if exchange["account_id"].startswith("m") else {}
    log.account("user", payment_fingerprint=card)
    log.sends("user", 6.5, skeleton=WORDS, **TOOL)
    assert ("user" in recognised(log, engine)) == named


@pytest.mark.parametrize(("organization", "named"), [(None, True), ("acme", False)])
def test_a_declared_organisation_speaks_against_an_undeclared_campaign(
    log, engine, organization, named
):
    for i in range(100):
        log.claimed[SIZE + i]["organization_id"] = f"company{i}"
    for i in range(200, 215):
        log.sends(f"s{i:03d}", 3.5, skeleton=WORDS)  # the wording alone is worth 5 bits
    log.account("job", payment_fingerprint="card3", organization_id=organization)
    log.sends("job", 6.5, skeleton=WORDS)
    assert ("job" in recognised(log, engine)) == named


def test_a_quotation_is_not_the_account_s_own_wording(log, engine):
    log.account("reader")
    for i in range(40):
        log.sends("reader", 6.1 + i / 100, skeleton=2, client_ip="9.9.1.1")
    log.sends("reader", 6.6, skeleton=WORDS, client_ip="9.9.1.1")
    assert recognised(log, engine) == {}


def test_whoever_sent_much_before_is_left_to_the_looks(log, engine):
    log.account("old", payment_fingerprint="card3")
    for i in range(EARLY):
        log.sends("old", 5 + i / 1000, skeleton=2)
    for i in range(50):
        log.sends("old", 6.1 + i / 1000, skeleton=WORDS)
    assert recognised(log, engine) == {}


@pytest.mark.parametrize("late", [1, ADDRESS_DAYS + 2])
def test_an_address_is_remembered_for_some_days(log, engine, late):
    log.account("head")
    log.sends("head", FOUND + late - 0.5, skeleton=WORDS, client_ip="9.9.1.1")
    assert ("head" in recognised(log, engine, FOUND + late)) == (late == 1)


def test_nothing_known_nobody_named(log, engine):
    log.keep(engine)
    assert recognise(engine, Known.nothing(), until(FOUND), until(FOUND + 1)).num_rows == 0


# --- identity ---------------------------------------------------------------------------------


def found(engine, groups: list[tuple[list[int], str]], before: int = FOUND) -> Investigation:
    """An investigation with these groups (members, verdict)."""
    rows = engine.fetch(
        "SELECT account_id, organization_id FROM accounts WHERE first_seen < $u ORDER BY account",
        {"u": until(before)},
    )
    ids = np.asarray(rows["account_id"].to_pylist(), dtype=object)
    seen = making.behaviour(ids.size)
    seen.claims["account_id"] = ids
    scene = making.scene(engine, seen, until=until(before))
    judged = []
    for members, verdict in groups:
        keys = np.sort(np.asarray(members, dtype=np.int64))
        by = np.full(keys.size, "money", dtype=object)
        candidate = Candidate(keys, np.ones(keys.size), by, "links")
        judged.append(Judged(candidate, [], {}, 0.001, 0.001, verdict))
    return Investigation(judged, scene, Forecast({}, {}))


def ids(memory: Known) -> list[str]:
    return memory.campaigns["campaign_id"].to_pylist()


def test_one_id_for_a_campaign_that_grows_day_after_day(log, engine):
    log.keep(engine)
    members = keys(engine, "m")
    first = remember(found(engine, [(members[10:20], "distillation")]), Known.nothing())
    second = remember(found(engine, [(members, "distillation")]), first)  # an older one joined
    assert ids(first) == ids(second)
    assert second.members.num_rows == SIZE
    assert second.campaigns["first_named"].to_pylist() == [day(FOUND)]
    assert named(found(engine, [(members[:20], "distillation")]), second).ids == ids(first)


def test_what_is_not_raised_again_stays_known(log, engine):
    log.keep(engine)
    members = keys(engine, "m")
    first = remember(found(engine, [(members, "distillation")]), Known.nothing())
    later = remember(found(engine, [(members, "undetermined")]), first)
    assert later == first
    assert named(found(engine, [(members, "undetermined")]), first).ids == ids(first)


def test_a_crowd_with_the_campaign_inside_is_another_group(log, engine):
    log.keep(engine)
    members, strangers = keys(engine, "m"), keys(engine, "s")
    first = remember(found(engine, [(members, "distillation")]), Known.nothing())
    crowd = named(found(engine, [(members + strangers[:200], "shared_software")]), first)
    assert crowd.ids[0] not in ids(first)


def test_a_campaign_whose_members_were_all_replaced_is_known_by_its_marks(log, engine):
    for i in range(20):
        log.account(f"head{i:02d}", payment_fingerprint=f"card{i % 6}")
        log.sends(f"head{i:02d}", FOUND + 0.1 + i / 100, skeleton=WORDS)
    for i in range(20):
        log.account(f"other{i:02d}", payment_fingerprint=f"another{i % 3}")
        log.sends(f"other{i:02d}", FOUND + 0.1 + i / 100, skeleton=999)
    log.keep(engine)
    first = remember(found(engine, [(keys(engine, "m"), "distillation")]), Known.nothing())
    heads, others = keys(engine, "head", FOUND + 1), keys(engine, "other", FOUND + 1)
    grown = found(engine, [(others, "distillation"), (heads, "distillation")], FOUND + 1)
    after = named(grown, first)
    assert after.ids[1] == ids(first)[0]
    assert after.ids[0] not in ids(first)
    assert ids(remember(grown, first)) == [ids(first)[0], after.ids[0]]


def test_two_that_turn_out_one_keep_the_older_id(log, engine):
    log.keep(engine)
    members = keys(engine, "m")
    first = remember(found(engine, [(members[:12], "distillation")], 5), Known.nothing())
    two = remember(
        found(engine, [(members[:12], "distillation"), (members[12:], "distillation")]), first
    )
    assert len(two) == 2
    one = remember(found(engine, [(members, "distillation")]), two)
    assert ids(one) == ids(first)
    assert one.campaigns["aliases"].to_pylist() == [[ids(two)[1]]]
    assert set(one.members["campaign_id"].to_pylist()) == set(ids(first))
    assert set(one.marks["campaign_id"].to_pylist()) == set(ids(first))


def test_a_campaign_in_two_parts_gives_its_id_to_one_of_them(log, engine):
    log.keep(engine)
    members = keys(engine, "m")
    first = remember(found(engine, [(members, "distillation")]), Known.nothing())
    parts = [(members[:12], "distillation"), (members[12:], "distillation")]
    after = named(found(engine, parts), first)
    assert after.ids[1] == ids(first)[0]
    assert len(set(after.ids)) == 2


def test_the_recognised_are_members_from_then_on(log, engine):
    log.account("head", payment_fingerprint="card3")
    log.sends("head", 6.25, skeleton=WORDS)
    log.keep(engine)
    before = memory(engine)
    rows = recognise(engine, before, until(FOUND), until(FOUND + 1))
    after = add_recognised(before, rows)
    assert {"campaign_id": "c", "account_id": "head", "by": rows["by"][0].as_py()[0]} in (
        after.members.to_pylist()
    )
    assert replace(after, members=before.members) == before
