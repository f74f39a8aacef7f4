"""The tree's networks, against the library's own iterator and its look-ups."""

import ipaddress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making_mmdb import write_mmdb

from iolaus.logs.enrichment.mmdb_tree import DamagedTreeError, Networks, walk

maxminddb = pytest.importorskip("maxminddb")
COUNTRY = {"country": {"iso_code": "DE"}}


def walked(path: Path) -> Networks:
    with maxminddb.open_database(path) as database:
        about = database.metadata()
    return walk(path.read_bytes(), about.node_count, about.record_size, about.ip_version)


def named(found: Networks) -> set[str]:
    names = set()
    for version, high, low, length in zip(
        found.version, found.high, found.low, found.length, strict=True
    ):
        address = ipaddress.ip_address(int(high) << 64 | int(low))
        if version == 6 and address.version == 4:
            address = ipaddress.IPv6Address(int(low))
        names.add(f"{address}/{length}")
    return names


def disjoint(networks: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for network in networks:
        if not any(network.version == k.version and network.overlaps(k) for k in kept):
            kept.append(network)
    return kept


NETWORKS = st.lists(
    st.tuples(st.ip_addresses(), st.integers(1, 128)).map(
        lambda x: ipaddress.ip_network((x[0], min(x[1], x[0].max_prefixlen)), strict=False)
    ),
    min_size=1,
    max_size=15,
).map(disjoint)
LOW6 = ipaddress.ip_network("::/16")  # where IPv4 stands: an IPv6 network there would cover it


@pytest.mark.parametrize("record_size", [24, 28, 32])
@pytest.mark.parametrize("version", [4, 6])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(networks=NETWORKS)
def test_networks_are_those_that_the_library_says(
    record_size: int, version: int, networks: list[Any], tmp_path: Path
) -> None:
    fit = [n for n in networks if n.version == 4 or (version == 6 and not n.overlaps(LOW6))]
    if not fit:
        return
    records = {str(network): {"asn": number} for number, network in enumerate(fit)}
    path = write_mmdb(tmp_path / "x.mmdb", records, version=version, record_size=record_size)
    found = walked(path)
    with maxminddb.open_database(path, maxminddb.MODE_MEMORY) as database:
        assert named(found) == {str(network) for network, _ in database} == set(records)
    assert len(np.unique(found.record)) == len(records)


def test_equal_records_are_one(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "x.mmdb", {"10.0.0.0/8": COUNTRY, "192.0.2.0/24": COUNTRY})
    assert walked(path).record.tolist() == [0, 0]


def test_aliases_of_ipv4_are_left_out(tmp_path: Path) -> None:
    records = {"192.0.2.0/24": COUNTRY, "2001:db8::/32": COUNTRY}
    path = write_mmdb(tmp_path / "x.mmdb", records, aliases=("::ffff:0:0/96", "2002::/16"))
    assert named(walked(path)) == set(records)


def nodes(*pairs: tuple[int, int]) -> bytes:
    return b"".join(n.to_bytes(4, "big") for pair in pairs for n in pair)


@pytest.mark.parametrize(
    ("data", "count", "size", "said"),
    [
        (nodes((0, 0)), 1, 32, "deeper than|no tree"),  # leads back to itself
        (nodes((1, 1), (2, 2), (3, 3), (0, 0)), 4, 32, "no tree"),  # paths meet: 2^128 networks
        (nodes((9, 9)), 2, 32, "does not fit"),
        (nodes((9, 9)), 0, 32, "does not fit"),
        (nodes((9, 9)), 1, 30, "does not fit"),
        (nodes((1, 5), (0, 6)), 2, 32, "deeper than"),  # a cycle on one side
    ],
)
def test_what_is_no_tree(data: bytes, count: int, size: int, said: str) -> None:
    with pytest.raises(DamagedTreeError, match=said):
        walk(data, count, size, 4)
