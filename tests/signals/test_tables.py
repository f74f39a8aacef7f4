"""Accounts and daily tables, against plain Python."""

from collections import defaultdict

import numpy as np
import pytest
from tests.signals.making import at, prepare, rows_table

from iolaus import signals
from iolaus.core.tables import ACCOUNTS, CAPABILITIES, FEATURES
from iolaus.signals.profiles import COUNTS, SUMS

EXCHANGES = 800


def random_exchanges(seed):
    """Exchanges of 12 accounts over 5 days; each column is null in a tenth of the rows."""
    rng = np.random.default_rng(seed)

    def maybe(value):
        return None if rng.random() < 0.1 else value

    return [
        {
            "ts": at(rng.uniform(0, 5)),
            "account_id": f"a{rng.integers(12):02d}",
            "status": maybe(int(rng.choice([200, 400, 429, 500]))),
            "conversation_id": maybe(f"c{rng.integers(40)}"),
            "client_ip": maybe(f"10.{rng.integers(3)}.{rng.integers(3)}.{rng.integers(4)}"),
            "country": maybe(str(rng.choice(["US", "DE"]))),
            "user_agent": maybe(f"u{rng.integers(3)}"),
            "input_tokens": maybe(int(rng.integers(1000))),
            "cached_input_tokens": maybe(int(rng.integers(2) * 50)),
            "output_tokens": maybe(int(rng.integers(1000))),
            "reasoning_tokens": maybe(int(rng.integers(2) * 70)),
            "choice_count": maybe(int(rng.integers(1, 3))),
            "tool_count": maybe(int(rng.integers(3))),
            "prompt_hash": maybe(int(rng.integers(60))),
            "capability": maybe(str(rng.choice(CAPABILITIES))),
        }
        for _ in range(EXCHANGES)
    ]


CLAIMED = [
    {"account_id": f"a{i:02d}", "billing_country": "US" if i % 2 else None} for i in range(9)
]
BILLED = {row["account_id"]: row["billing_country"] for row in CLAIMED}


def known(*values):
    return all(value is not None for value in values)


# The same counts as in signals.profiles, said in Python.
RECOUNT = {
    "failed": lambda r: known(r["status"]) and r["status"] >= 400,
    "in_conversation": lambda r: known(r["conversation_id"]),
    "has_prompt": lambda r: known(r["prompt_hash"]),
    "tools_offered": lambda r: known(r["tool_count"]) and r["tool_count"] > 0,
    "many_choices": lambda r: known(r["choice_count"]) and r["choice_count"] > 1,
    "choices_known": lambda r: known(r["choice_count"]),
    "tokens_known": lambda r: known(r["input_tokens"], r["output_tokens"]),
    "cache_known": lambda r: known(r["cached_input_tokens"]),
    "cache_used": lambda r: known(r["cached_input_tokens"]) and r["cached_input_tokens"] > 0,
    "reasoning_known": lambda r: known(r["reasoning_tokens"]),
    "reasoning_used": lambda r: known(r["reasoning_tokens"]) and r["reasoning_tokens"] > 0,
}


def distinct(rows, name, of=lambda value: value):
    return len({of(row[name]) for row in rows if row[name] is not None})


def recount(rows):
    """One account's day."""
    counts = {name: sum(map(test, rows)) for name, test in RECOUNT.items()}
    sums = {name: sum(row[name] or 0 for row in rows) for name in SUMS}
    return {
        "exchanges": len(rows),
        **counts,
        **sums,
        "conversations": distinct(rows, "conversation_id"),
        "distinct_prompts": distinct(rows, "prompt_hash"),
        "networks": distinct(rows, "client_ip", lambda ip: ip.rsplit(".", 1)[0]),
        "user_agents": distinct(rows, "user_agent"),
        **{
            f"capability_{i}": sum(row["capability"] == name for row in rows)
            for i, name in enumerate(CAPABILITIES)
        },
        **{f"hour_{h}": sum(row["ts"].hour == h for row in rows) for h in range(24)},
    }


@pytest.mark.parametrize("seed", range(2))
def test_profiles_agree_with_a_recount_in_plain_python(engine, seed):
    assert set(RECOUNT) == set(COUNTS)
    exchanges = random_exchanges(seed)
    prepare(engine, exchanges, CLAIMED)
    days = defaultdict(list)
    for row in exchanges:
        days[(row["account_id"], row["ts"].date())].append(row)
    found = engine.fetch(
        "SELECT account_id, profiles.* FROM profiles JOIN accounts USING (account)"
    ).to_pylist()
    assert len(found) == len(days)
    for row in found:
        expected = recount(days[(row.pop("account_id"), row.pop("day"))])
        row.pop("account")
        assert row == expected


def features(engine, rows):
    filled = [{"exchange_hash": i, "model": "m"} | row for i, row in enumerate(rows)]
    engine.keep("features", rows_table(filled, FEATURES))


def test_accounts_are_numbered_by_their_first_exchange_and_ties_by_id(engine):
    moments = {"late": 3.0, "b": 1.0, "early": 0.5, "a": 1.0}
    features(engine, [{"account_id": name, "ts": at(day)} for name, day in moments.items()])
    signals.accounts(engine, None)
    rows = engine.fetch("SELECT account, account_id FROM accounts ORDER BY account").to_pylist()
    assert [(row["account"], row["account_id"]) for row in rows] == [
        (0, "early"), (1, "a"), (2, "b"), (3, "late"),
    ]  # fmt: skip


def test_a_later_account_changes_no_earlier_key(engine, tmp_path):
    rows = [{"account_id": f"a{i}", "ts": at(10 - i)} for i in range(8)]
    features(engine, rows)
    signals.accounts(engine, None)
    before = engine.fetch("SELECT account_id FROM accounts ORDER BY account")["account_id"]
    engine.stages.table("accounts").path.unlink()
    features(engine, [{"account_id": "0-first-by-name", "ts": at(11)}, *rows])
    signals.accounts(engine, None)
    after = engine.fetch("SELECT account_id FROM accounts ORDER BY account")["account_id"]
    assert after.to_pylist() == [*before.to_pylist(), "0-first-by-name"]


def test_claims_are_joined_and_the_claimed_organisation_comes_before_the_observed(engine):
    features(
        engine,
        [
            {"account_id": "a", "ts": at(0), "organization_id": None, "channel": "web_app"},
            {"account_id": "a", "ts": at(1), "organization_id": "seen", "channel": "aggregator"},
            {"account_id": "b", "ts": at(2), "organization_id": "seen"},
            {"account_id": "c", "ts": at(3)},
        ],
    )
    claims = [
        {"account_id": "b", "organization_id": "claimed", "plan": "free"},
        {"account_id": "silent", "plan": "free"},
    ]
    signals.accounts(engine, rows_table(claims, ACCOUNTS))
    rows = engine.fetch(
        "SELECT account_id, organization_id AS o, plan, channel FROM accounts ORDER BY account"
    ).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("a", "seen", None, "web_app"),
        ("b", "claimed", "free", None),
        ("c", None, None, None),
    ]


def test_an_address_that_claimants_of_two_countries_use_on_one_day_is_mixed(engine):
    rows = [("us", 0.1), ("de", 0.2), ("de", 1.1)]
    exchanges = [{"account_id": a, "ts": at(day), "client_ip": "10.0.0.1"} for a, day in rows]
    claims = [{"account_id": a, "billing_country": a.upper()} for a in ("us", "de")]
    prepare(engine, exchanges, claims)
    found = engine.fetch("SELECT day, claims FROM address_days ORDER BY day, account").to_pylist()
    assert [(row["day"], row["claims"]) for row in found] == [
        (at(0).date(), 2), (at(0).date(), 2), (at(1).date(), 1),
    ]  # fmt: skip


def test_operators_count_where_a_country_is_known_and_claimed(engine):
    rows = [("us", 1, "US"), ("us", 1, "NL"), ("us", None, "NL"), ("us", 1, None), ("x", 1, "NL")]
    exchanges = [
        {"account_id": a, "ts": at(0.1), "asn": asn, "country": country} for a, asn, country in rows
    ]
    prepare(engine, exchanges, [{"account_id": "us", "billing_country": "US"}])
    found = engine.fetch("SELECT asn, exchanges, abroad FROM operator_days ORDER BY asn NULLS LAST")
    assert [tuple(row.values()) for row in found.to_pylist()] == [(1, 2, 1), (None, 1, 1)]


def test_shared_prompts_are_those_of_several_accounts(engine):
    rows = [("a", 1, 0.5), ("a", 1, 0.1), ("b", 1, 1.5), ("a", 2, 0.1), ("a", 2, 0.2)]
    features(
        engine,
        [{"account_id": a, "ts": at(d), "prompt_hash": p, "status": 500} for a, p, d in rows],
    )
    signals.accounts(engine, None)
    signals.daily(engine)
    found = engine.fetch("SELECT * FROM shared_prompts ORDER BY account").to_pylist()
    assert [(r["prompt_hash"], r["account"], r["exchanges"], r["failed"]) for r in found] == [
        (1, 0, 2, 2), (1, 1, 1, 1),
    ]  # fmt: skip
    assert found[0]["first_at"] == at(0.1)
