"""Addresses in one spelling, whoever wrote the log."""

import ipaddress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.logs.tests_logs_rows import typed

from iolaus.core.tables import ACCOUNTS
from iolaus.logs import open_log
from iolaus.logs.addresses import one_spelling


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:0db8:0000::0001", "2001:db8::1"),
        ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:0102:0304", "1.2.3.4"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.1:8080", "192.0.2.1"),
        ("unknown", "unknown"),
        ("1.2.3.400", "1.2.3.400"),
        ("01.2.3.4", "01.2.3.4"),
        ("", ""),
    ],
)
def test_one_spelling(given, spelled):
    texts = pa.array(["198.51.100.1", given, None, given], pa.string())
    assert one_spelling(texts).to_pylist() == ["198.51.100.1", spelled, None, spelled]


@given(st.lists(st.ip_addresses(v=6), min_size=1, max_size=20), st.integers(0, 2))
def test_every_way_to_write_an_address_becomes_one(addresses, way):
    ways = (str, lambda a: a.exploded, lambda a: a.exploded.upper())
    written = pa.array([ways[way](a) for a in addresses], pa.string())
    once = one_spelling(written)
    assert once.to_pylist() == one_spelling(pa.array(map(str, addresses), pa.string())).to_pylist()
    assert one_spelling(once).equals(once)
    for address, text in zip(addresses, once.to_pylist(), strict=True):
        assert ipaddress.ip_address(text) == (address.ipv4_mapped or address)


def test_a_log_is_read_with_one_spelling(tmp_path: Path):
    at = "2026-05-04T00:00:00+00:00"
    ips = ["2001:DB8::1", "2001:db8:0:0::1", "::ffff:192.0.2.7", "192.0.2.7", None]
    rows = [
        {"exchange_id": str(i), "ts": at, "account_id": "a", "model": "m", "client_ip": ip}
        for i, ip in enumerate(ips)
    ]
    (tmp_path / "exchanges").mkdir()
    pq.write_table(typed(rows), tmp_path / "exchanges" / "one.parquet")
    account = {"account_id": "a", "signup_ip": "2001:0DB8::0001"}
    claimed = pa.Table.from_pylist([{n: account.get(n) for n in ACCOUNTS.names}], ACCOUNTS)
    pq.write_table(claimed, tmp_path / "accounts.parquet")
    log = open_log(tmp_path)
    (batch,) = log.batches()
    assert batch["client_ip"].to_pylist() == ["2001:db8::1"] * 2 + ["192.0.2.7"] * 2 + [None]
    accounts = log.accounts()
    assert accounts is not None and accounts["signup_ip"].to_pylist() == ["2001:db8::1"]
