"""Pseudonyms: equal where values are equal, comparable by network, and stable over rotations."""

import hashlib
import hmac
import ipaddress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_rows import DAYS, exchanges

from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, EXCHANGES
from iolaus.engine import DuckEngine, Stages
from iolaus.logs.privacy import PURPOSES, Keys, Pseudonymiser, candidates, unify
from iolaus.logs.privacy.keys import Key
from iolaus.logs.privacy.pseudonyms import pseudonyms

OLD, NEW, NEXT = (Key(f"k{n}", bytes([n]) * 32) for n in (1, 2, 3))


def named(texts: list[str], purpose: str, key: Key = OLD) -> list[str]:
    return pseudonyms(pa.array(texts, pa.string()), purpose, key)


def test_the_construction_is_what_the_page_says() -> None:
    subkey = hmac.new(OLD.secret, b"iolaus/1/account", hashlib.sha256).digest()
    digits = hmac.new(subkey, b"acct_7", hashlib.sha256).hexdigest()[:24]
    assert named(["acct_7"], "account") == [f"k1-{digits}"]


def test_columns_and_keys_cannot_be_compared() -> None:
    made = {named(["same"], p, k)[0].split("-")[-1] for p in PURPOSES.values() for k in (OLD, NEW)}
    assert len(made) == 2 * len(set(PURPOSES.values()))


def network(text: str) -> object:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    prefix = 24 if address.version == 4 else 48
    return ipaddress.ip_network(f"{address}/{prefix}", strict=False)


NEAR = st.one_of(
    st.integers(0, 2**10).map(lambda n: str(ipaddress.IPv4Address(0xC0000200 + n))),
    st.integers(0, 3).flatmap(
        lambda n: st.integers(0, 2**4).map(
            lambda m: str(ipaddress.IPv6Address((0x20010DB80000 + n << 80) + (m << 64) + m))
        )
    ),
    st.ip_addresses().map(str),
)


@given(st.lists(NEAR, min_size=2, max_size=20))
def test_addresses_keep_their_network_and_nothing_else(texts: list[str]) -> None:
    made = named(texts, "address")
    for a, x in zip(texts, made, strict=True):
        for b, y in zip(texts, made, strict=True):
            assert (x.split(".")[:3] == y.split(".")[:3]) == (network(a) == network(b))
            same = ipaddress.ip_address(a) == ipaddress.ip_address(b)
            assert (x == y) == (same or _same(a, b))


def _same(a: str, b: str) -> bool:
    """Also when one is written inside IPv6."""
    plain = [getattr(x := ipaddress.ip_address(t), "ipv4_mapped", None) or x for t in (a, b)]
    return plain[0] == plain[1]


def test_the_engine_takes_the_network_of_a_pseudonym(tmp_path: Path) -> None:
    texts = ["192.0.2.1", "192.0.2.9", "192.0.3.1", "2001:db8:1:1::1", "2001:db8:1:2::1",
             "2001:db8:2::1", "unknown"]  # fmt: skip
    made = named(texts, "address")
    with DuckEngine(Stages(tmp_path / "stages", "key")) as engine:
        engine.register("made", pa.table({"n": range(len(made)), "ip": made}))
        rows = engine.fetch("SELECT network_of(ip) AS net FROM made ORDER BY n")["net"].to_pylist()
    assert [rows.index(row) for row in rows] == [0, 0, 2, 3, 3, 5, 6]


def test_what_is_not_to_be_replaced_stays() -> None:
    table = exchanges(DAYS[0])
    keys = Keys((OLD,))
    done = Pseudonymiser(keys, ["account"]).table(table)
    assert done.drop_columns(["account_id"]).equals(table.drop_columns(["account_id"]))
    assert set(done["account_id"].to_pylist()).isdisjoint(table["account_id"].to_pylist())
    whole = Pseudonymiser(keys).table(table)
    assert whole.schema.equals(table.schema)
    changed = {n for n in table.column_names if not whole[n].equals(table[n])}
    assert changed == {"account_id", "client_ip"}
    assert whole["organization_id"].null_count == table.num_rows  # null stays null


def test_every_column_with_a_purpose_is_one_of_the_contract() -> None:
    assert {*EXCHANGES.names, *ACCOUNTS.names, *ENFORCEMENT.names} >= PURPOSES.keys()


def accounts(*names: str) -> pa.Table:
    return pa.table(
        {"account_id": pa.array(names, pa.string()), "signup_ip": ["192.0.2.1"] * len(names)}
    )


def test_a_rotation_splits_nobody() -> None:
    first = Pseudonymiser(Keys((OLD,)))
    before = first.table(accounts("a", "b", "gone"))
    assert first.aliases().num_rows == 0
    rotated = Pseudonymiser(Keys((OLD, NEW)))
    after = rotated.table(accounts("b", "a", "new"))
    assert set(before["account_id"].to_pylist()).isdisjoint(after["account_id"].to_pylist())
    again = Pseudonymiser(Keys((OLD, NEW, NEXT)))
    latest = again.table(accounts("a"))
    aliases = pa.concat_tables([rotated.aliases(), again.aliases()])
    joined = unify(pa.concat_tables([before, after, latest]), aliases)
    a, b, gone, b2, a2, new, a3 = joined["account_id"].to_pylist()
    assert a == a2 == a3 == latest["account_id"][0].as_py()
    assert b == b2
    assert gone == before["account_id"][2].as_py()  # not seen since: its old name stands
    assert len({a, b, gone, new}) == 4
    assert len(set(joined["signup_ip"].to_pylist())) == 1


def test_aliases_that_go_round_end() -> None:
    rows = [{"purpose": "account", "old": x, "new": y} for x, y in ("ab", "bc", "ca")]
    assert unify(accounts("a"), pa.Table.from_pylist(rows)).num_rows == 1


def test_a_raw_value_is_found_under_every_key() -> None:
    keys = Keys((OLD, NEW))
    assert candidates("a", "account", keys) == [
        *named(["a"], "account", NEW), *named(["a"], "account", OLD), "a",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "\0", "not an ip", "'; DROP TABLE", "1.2.3.4.5", "é" * 5_000])
def test_any_text_has_a_pseudonym(text: str) -> None:
    assert named([text], "address")[0].startswith("k1.x.")
    assert named([text], "account")[0].startswith("k1-")
