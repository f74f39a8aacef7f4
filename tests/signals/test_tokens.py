"""Each family of tokens on a log written by hand."""

import re
from datetime import date, timedelta

import pytest
from tests.signals.making import START, at, held, prepare

from iolaus import signals
from iolaus.core.tables import FAMILIES, TOKEN_KINDS
from iolaus.signals.tokens import device, money, network, registration, tempo, wording
from iolaus.signals.tokens.kinds import FAMILY_OF


def one_each(*names, **columns):
    """One exchange per account, an hour apart."""
    return [
        {"account_id": name, "ts": START + timedelta(hours=i), **columns}
        for i, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("column", "family", "kind"),
    [
        ("payment_fingerprint", "money", "payment"),
        ("device_fingerprint", "device", "device"),
        ("signup_ip", "network", "signup_ip"),
        ("email_hash", "registration", "email"),
    ],
)
def test_what_two_accounts_claim_alike_is_a_token(engine, column, family, kind):
    claims = [
        {"account_id": "a", column: "same"},
        {"account_id": "b", column: "same"},
        {"account_id": "c", column: "own"},
        {"account_id": "d", column: None},
    ]
    prepare(engine, one_each("a", "b", "c", "d", "e"), claims)
    assert held(engine, "token_days", kind) == [{"a", "b"}]  # not the own one, not the nulls
    families = engine.fetch("SELECT DISTINCT family, exchanges FROM token_days").to_pylist()
    assert families == [{"family": family, "exchanges": 1}]


def test_client_software_needs_both_fingerprint_and_agent(engine):
    both = one_each("a", "b", tls_fingerprint="t", user_agent="u")
    other = one_each("c", "d", tls_fingerprint="t", user_agent="v")
    half = one_each("e", "f", tls_fingerprint="t")
    prepare(engine, both + other + half)
    assert held(engine, "token_days", "client_software") == [{"a", "b"}, {"c", "d"}]


def test_an_address_is_shared_on_one_day_and_its_network_with_its_neighbours(engine):
    seen = [("a", "10.0.0.1", 0.1), ("b", "10.0.0.1", 0.9), ("c", "10.0.0.2", 0.5),
            ("d", "10.0.0.1", 1.5), ("e", "10.0.1.1", 0.5)]  # fmt: skip
    prepare(engine, [{"account_id": a, "client_ip": ip, "ts": at(day)} for a, ip, day in seen])
    assert held(engine, "token_days", "ip_day") == [{"a", "b"}]
    assert held(engine, "token_days", "network_day") == [{"a", "b", "c"}]


def test_sign_ups_of_one_hour_and_one_kind_are_a_burst(engine):
    def claim(name, hours, **changed):
        common = {"email_domain": "mail.example", "plan": "free", "verification": "email"}
        return {"account_id": name, "created_at": START + timedelta(hours=hours)} | common | changed

    claims = [
        claim("a", 0.1),
        claim("b", 0.9),
        claim("c", 5),
        claim("d", 0.2, plan="subscription"),
        claim("e", 0.3, email_domain="other.example"),
        claim("f", 25),
    ]
    prepare(engine, one_each(*"abcdef"), claims)
    assert held(engine, "token_days", "signup_hour") == [{"a", "b"}]
    assert held(engine, "token_days", "signup_day") == [{"a", "b", "c"}]


def test_the_same_wording_is_a_token_of_its_kind(engine):
    rows = (
        one_each("a", "b", system_hash=1, prompt_hash=5)
        + one_each("c", "d", skeleton=2, prompt_hash=6)
        + one_each("e", "f", phrases=[3, 4], prompt_hash=7)
        + one_each("g", "h", system_skeleton=8, prompt_hash=9)
    )
    prepare(engine, rows)
    assert held(engine, "token_days", "system_prompt") == [{"a", "b"}]
    assert held(engine, "token_days", "skeleton") == [{"c", "d"}]
    assert held(engine, "token_days", "phrase") == [{"e", "f"}, {"e", "f"}]
    assert held(engine, "token_days", "system_skeleton") == [{"g", "h"}]


def test_a_burst_is_more_accounts_in_ten_minutes_than_its_traffic_leads_to_expect(engine):
    minutes = timedelta(minutes=1)
    together = [
        {"account_id": f"burst{i}", "ts": START + i * minutes, "skeleton": 1} for i in range(5)
    ]
    two = [{"account_id": f"two{i}", "ts": at(0.5) + i * minutes, "skeleton": 2} for i in range(2)]
    steady = [  # ten accounts in every ten minutes of a day: nothing unusual
        {"account_id": f"steady{i}", "ts": START + 10 * bin_ * minutes, "skeleton": 3}
        for i in range(10)
        for bin_ in range(144)
    ]
    prepare(engine, together + two + steady)
    assert held(engine, "token_days", "burst") == [{f"burst{i}" for i in range(5)}]


def test_a_pivot_is_the_same_hour_after_a_release_within_a_day(engine):
    used = {"a": 2.01, "b": 2.03, "c": 2.06, "late": 3.5, "late too": 3.5, "before": 1.9}
    rows = [{"account_id": a, "ts": at(day), "model": "new"} for a, day in used.items()]
    prepare(engine, rows, releases=[{"model": "new", "released_at": at(2)}])
    assert held(engine, "token_days", "pivot") == [{"a", "b"}]


def test_accounts_that_begin_within_hours_of_a_ban_share_it(engine):
    ban = at(5)
    starts = {"new": 5.05, "again": 0.0, "active": 4.9, "much later": 5.5, "banned": 1.0}
    rows = [{"account_id": a, "ts": at(day)} for a, day in starts.items()]
    rows += [{"account_id": a, "ts": at(5.1)} for a in ("again", "active")]
    throttled = {"account_id": "active", "at": at(0), "action": "throttle"}
    prepare(
        engine,
        rows,
        enforcement=[{"account_id": "banned", "at": ban, "action": "ban"}, throttled],
    )
    # `again` starts after five silent days; `active` was there the day before.
    assert held(engine, "token_days", "after_ban") == [{"again", "new"}]


def test_a_ban_after_which_more_accounts_start_than_one_operator_has_is_left_out(engine):
    window = timedelta(hours=tempo.FAILOVER_HOURS)
    step = window / tempo.MOST_STARTS

    def begin(name, ban, n):
        """n accounts from the ban on, and two that do not count: before it, and as it is over."""
        counted = [ban + i * step for i in range(n)]
        moments = [*counted, ban - step, ban + window]
        return [{"account_id": f"{name}{i}", "ts": ts} for i, ts in enumerate(moments)]

    most, one_more = at(5), at(6)
    rows = begin("a", most, tempo.MOST_STARTS)
    rows += begin("b", one_more, tempo.MOST_STARTS)
    rows.append({"account_id": "one more", "ts": one_more + step / 2})
    bans = [{"account_id": f"banned {ban}", "at": ban, "action": "ban"} for ban in (most, one_more)]
    prepare(engine, rows, enforcement=bans)
    within = {f"a{i}" for i in range(tempo.MOST_STARTS)}
    assert held(engine, "token_days", "after_ban") == [within]


def test_a_wording_counts_for_an_account_only_from_a_share_of_its_prompts_on(engine):
    rows = [
        {
            "account_id": name,
            "ts": at(i / 100),
            "prompt_hash": i,
            "skeleton": 1 if i < own else None,
        }
        for name, own in (("all", 50), ("enough", 5), ("few", 2))  # of 60: 0.83, 0.083, 0.033
        for i in range(60)
    ]
    prepare(engine, rows)
    signals.tokens(engine, at(9).date())
    assert held(engine, "token_days", "skeleton") == [{"all", "enough", "few"}]
    assert held(engine, "tokens", "skeleton") == [{"all", "enough"}]
    row = engine.fetch("SELECT DISTINCT holders FROM tokens WHERE kind = 'skeleton'").to_pylist()
    assert row == [{"holders": 2}]


def test_a_phrase_is_a_signature_from_a_tenth_of_the_sampled_prompts_on(engine):
    carried = {"often": (8, 8), "enough": (8, 1), "seldom": (40, 1), "never": (8, 0)}
    rows = [  # at most 8 prompts a day, so that all of them are in the sample
        {
            "account_id": name,
            "ts": at(i // 8 + (i % 8) / 100),
            "prompt_hash": i,
            "phrases": [9 if i < with_phrase else 77],
        }
        for name, (prompts, with_phrase) in carried.items()
        for i in range(prompts)
    ]
    prepare(engine, rows)
    signals.tokens(engine, at(9).date())
    holders = engine.fetch(
        "SELECT account_id FROM tokens JOIN accounts USING (account) "
        "WHERE kind = 'phrase' AND value = 9 ORDER BY account_id"
    )["account_id"]
    assert holders.to_pylist() == ["enough", "often"]  # 1 of 8 and 8 of 8; not 1 of 40


def test_tokens_as_of_a_day_know_nothing_of_it_or_later(engine):
    claims = [{"account_id": name, "payment_fingerprint": "same"} for name in ("a", "b", "c")]
    rows = [{"account_id": name, "ts": at(day)} for name, day in (("a", 0), ("b", 1), ("c", 2))]
    prepare(engine, rows, claims)
    for days, holders in ((1, []), (2, [{"a", "b"}]), (3, [{"a", "b", "c"}])):
        signals.tokens(engine, at(days).date(), f"tokens_{days}")
        assert held(engine, f"tokens_{days}", "payment") == holders


def test_days_of_one_token_add_up(engine):
    rows = one_each("a", "b", system_hash=1, prompt_hash=2)
    rows += [row | {"ts": row["ts"] + timedelta(days=2)} for row in rows * 2]
    prepare(engine, rows)
    signals.tokens(engine, at(9).date())
    found = engine.fetch(
        "SELECT account, exchanges FROM tokens WHERE kind = 'system_prompt' ORDER BY account"
    ).to_pylist()
    assert found == [{"account": 0, "exchanges": 3}, {"account": 1, "exchanges": 3}]


def test_even_and_odd_days_are_kept_apart_and_a_card_is_of_no_day(engine):
    claims = [{"account_id": name, "payment_fingerprint": "same"} for name in ("a", "b")]
    rows = [
        {"account_id": name, "ts": at(day), "client_ip": f"192.0.2.{day}"}
        for name in ("a", "b")
        for day in range(4)
    ]
    prepare(engine, rows, claims)
    until = at(9).date()
    signals.tokens(engine, until, "whole")
    signals.tokens(engine, until, "even", even_days=True)
    signals.held_out_tokens(engine, until, "odd")

    def count(table, kind):
        sql = f"SELECT count(DISTINCT value) AS n FROM {table} WHERE kind = '{kind}'"
        return engine.fetch(sql)["n"][0].as_py()

    assert [count(table, "ip_day") for table in ("whole", "even", "odd")] == [4, 2, 2]
    assert [count(table, "payment") for table in ("whole", "even", "odd")] == [1, 1, 0]


def test_a_wording_may_be_an_account_s_own_on_even_days_alone_or_in_the_whole_alone(engine):
    """5 % of 120 exchanges are 6, of the even day's 20 are 1."""
    said = {0: {3: 10, 2: 5, 9: 85}, 1: {1: 2, 2: 1, 9: 17}}  # day -> skeleton -> times
    assert (START.date() - date(1970, 1, 1)).days % 2 == 1  # so that day 1 is an even one
    rows = [
        {"account_id": name, "ts": at(day + i / 1000), "prompt_hash": i, "skeleton": skeleton}
        for name in ("a", "b")
        for day, times in said.items()
        for i, skeleton in enumerate(s for s, n in times.items() for _ in range(n))
    ]
    claims = [{"account_id": name, "payment_fingerprint": "same"} for name in ("a", "b")]
    prepare(engine, rows, claims)
    until = at(9).date()
    signals.whole_and_even_tokens(engine, until, "whole", "even")

    def added(table):
        sql = f"SELECT DISTINCT value, exchanges FROM {table} WHERE kind = 'skeleton'"
        return {row["value"]: row["exchanges"] for row in engine.fetch(sql).to_pylist()}

    assert added("whole") == {2: 6, 3: 10, 9: 102}
    assert added("even") == {1: 2, 2: 1, 9: 17}
    signals.tokens(engine, until, "whole_apart")
    signals.tokens(engine, until, "even_apart", even_days=True)
    for table in ("whole", "even"):
        assert held(engine, table, "payment") == [{"a", "b"}]
        both = [engine.fetch(f"SELECT * FROM {name}") for name in (table, f"{table}_apart")]
        assert both[0] == both[1]


def test_every_kind_is_carried_to_the_family_that_names_it():
    for family in (device, money, network, registration, tempo, wording):
        texts = " ".join(v for v in vars(family).values() if isinstance(v, str))
        words = set(re.findall(r"'([a-z_]+)'", re.sub(r"CASE kind .*? END", "", texts)))
        name = family.__name__.rsplit(".", 1)[1]
        assert words & set(TOKEN_KINDS) == {k for k, of in FAMILY_OF.items() if of == name}


def test_every_kind_that_the_families_name_has_its_place_in_the_order():
    """One without a place would be sorted with all others that have none."""
    families = (device, money, network, registration, tempo, wording)
    texts = (v for family in families for v in vars(family).values() if isinstance(v, str))
    words = set(re.findall(r"'([a-z_]+)'", re.sub(r"CASE kind .*? END", "", " ".join(texts))))
    others = {*FAMILIES, "ban", "day", "hour"} - {"device"}  # device: a family and a kind
    assert words - others == set(TOKEN_KINDS)
