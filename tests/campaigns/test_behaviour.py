"""What each account did before an instant, from the daily tables of a log written by hand."""

from datetime import timedelta

import numpy as np
from tests.signals.making import START, at, prepare

from iolaus.campaigns.behaviour import behaviour
from iolaus.core.tables import CAPABILITIES


def look(engine, exchanges, claimed=(), days=30):
    prepare(engine, exchanges, claimed)
    return behaviour(engine, at(days).date())


def test_days_before_the_instant_are_added_and_later_ones_and_accounts_are_unknown(engine):
    rows = [("a", 0.1), ("a", 0.2), ("a", 1.1), ("b", 1.5), ("a", 2.1), ("c", 2.2)]
    exchanges = [{"account_id": a, "ts": at(day), "status": 500} for a, day in rows]
    seen = look(engine, exchanges, days=2)
    assert seen.claims["account_id"].tolist() == ["a", "b"]
    assert seen.exchanges.tolist() == [3, 1]
    assert seen.counts["failed"].tolist() == [3, 1]
    assert seen.days.tolist() == [2, 1]
    assert behaviour(engine, at(3).date()).exchanges.tolist() == [4, 1, 1]


def test_hours_and_capabilities_stand_in_their_columns(engine):
    exchanges = [
        {"account_id": "a", "ts": START + timedelta(hours=h), "capability": c}
        for h, c in ((0, "grading"), (5, "grading"), (29, "vision"), (6, None))
    ]
    seen = look(engine, exchanges)
    assert {h: n for h, n in enumerate(seen.hours[0]) if n} == {0: 1, 5: 2, 6: 1}
    expected = {"grading": 2, "vision": 1}
    assert {CAPABILITIES[i]: n for i, n in enumerate(seen.capabilities[0]) if n} == expected


def test_beats_are_ten_minutes_wide(engine):
    minutes = (0, 9, 10, 25)
    exchanges = [{"account_id": "a", "ts": START + timedelta(minutes=m)} for m in minutes]
    assert look(engine, exchanges).beats.toarray().tolist() == [[2, 1, 1]]


def test_operators_are_numbered_over_all_days(engine):
    places = ((7018, "US"), (7018, "DE"), (None, "DE"))
    exchanges = [
        {"account_id": "a", "ts": at(day), "asn": asn, "country": country}
        for day in (0, 1)
        for asn, country in places
    ]
    prepare(engine, exchanges, [{"account_id": "a", "billing_country": "US"}])
    seen = behaviour(engine, at(2).date()).operators
    assert seen.account.tolist() == [0, 0]
    assert seen.operator.tolist() == [0, 1]  # the unknown first
    assert seen.exchanges.tolist() == [2, 4] and seen.abroad.tolist() == [2, 2]


def test_the_share_from_mixed_addresses_is_null_without_an_address(engine):
    seen = [("us", "1.1.1.1"), ("de", "1.1.1.1"), ("us", "2.2.2.2"), ("none", None)]
    exchanges = [
        {"account_id": a, "ts": at(i / 100), "client_ip": ip} for i, (a, ip) in enumerate(seen)
    ]
    claims = [{"account_id": a, "billing_country": a.upper()} for a in ("us", "de", "none")]
    found = look(engine, exchanges, claims)
    share = dict(zip(found.claims["account_id"], found.mixed_addresses, strict=True))
    assert share["us"] == 0.5
    assert share["de"] == 1.0
    assert np.isnan(share["none"])


def test_the_share_from_mixed_addresses_is_null_where_nobody_claims_a_country(engine):
    exchanges = [{"account_id": a, "ts": at(0.1), "client_ip": "1.1.1.1"} for a in "ab"]
    assert np.isnan(look(engine, exchanges).mixed_addresses).all()


def test_what_an_account_claims_is_null_where_unknown(engine):
    exchanges = [{"account_id": a, "ts": at(i / 10)} for i, a in enumerate("ab")]
    seen = look(engine, exchanges, [{"account_id": "a", "created_at": at(0), "plan": "free"}])
    assert seen.claims["plan"].tolist() == ["free", None]
    assert seen.created_day[0] == START.timestamp() / 86400
    assert np.isnan(seen.created_day[1])
