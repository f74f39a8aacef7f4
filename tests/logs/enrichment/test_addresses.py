"""Addresses and networks as numbers, against the standard library's own parser."""

import ipaddress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iolaus.logs.enrichment.addresses import blocks_of_cidr, blocks_of_ends, parse

LOW = 2**64 - 1


def read(*texts: str) -> list[tuple[int, int]]:
    """(version, address as one integer) of each text."""
    found = parse(pa.array(texts, pa.string()))
    pairs = zip(found.version, found.high, found.low, strict=True)
    return [(int(v), (int(h) << 64) | int(low)) for v, h, low in pairs]


def standard(text: str) -> tuple[int, int]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return 0, 0
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.version, int(address)


@given(st.lists(st.ip_addresses().map(str), max_size=50))
def test_every_address_is_read_as_the_standard_library_reads_it(texts: list[str]) -> None:
    assert read(*texts) == [standard(text) for text in texts]


QUADS = st.lists(st.text("0123456789.:a ", max_size=5), min_size=3, max_size=6).map(".".join)


@given(st.lists(QUADS, max_size=20))
def test_what_only_looks_like_ipv4_is_not_read_as_one(texts: list[str]) -> None:
    for text, (version, number) in zip(texts, read(*texts), strict=True):
        if standard(text) != (version, number):  # ports and spaces are taken off, nothing else
            bare = text.strip().rsplit(":", 1)[0]
            assert version == 0 or standard(bare) == (version, number)


@pytest.mark.parametrize(
    "text",
    ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "1.2..4", "::g", "not an ip",
     "1.2.3.4\0", "١.٢.٣.٤", "1" * 5000, "1.2.3.0400"],
)  # fmt: skip
def test_no_address(text: str) -> None:
    assert read("192.0.2.1", text, "2001:db8::1")[1] == (0, 0)
    assert [v for v, _ in read("192.0.2.1", text, "2001:db8::1")] == [4, 0, 6]


@pytest.mark.parametrize(
    ("text", "plain"),
    [("192.0.2.1:443", "192.0.2.1"), ("[2001:db8::1]:443", "2001:db8::1"),
     ("fe80::1%eth0", "fe80::1"), (" 192.0.2.1 ", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
     ("[2001:db8::1]", "2001:db8::1")],
)  # fmt: skip
def test_dressed_addresses(text: str, plain: str) -> None:
    assert read(text) == read(plain) != [(0, 0)]


def ends(texts: list[str]) -> tuple[list[tuple[int, int, int]], list[int]]:
    found, bad = blocks_of_cidr(pa.array(texts, pa.string()))
    blocks = [
        ((int(a) << 64) | int(b), (int(c) << 64) | int(d), int(row))
        for version in (4, 6)
        for a, b, c, d, row in zip(
            found[version].first_high, found[version].first_low, found[version].last_high,
            found[version].last_low, found[version].row, strict=True,
        )
    ]  # fmt: skip
    return sorted(blocks, key=lambda b: b[2]), bad.tolist()


PLAIN = st.ip_addresses().filter(lambda a: not getattr(a, "ipv4_mapped", None))


@given(st.lists(st.tuples(PLAIN, st.integers(0, 128)), min_size=1, max_size=30))
def test_networks_reach_as_far_as_the_standard_library_says(pairs: list[tuple]) -> None:
    texts = [f"{a}/{min(length, a.max_prefixlen)}" for a, length in pairs]
    networks = [ipaddress.ip_network(text, strict=False) for text in texts]
    got, bad = ends(texts)
    wanted = [(int(n.network_address), int(n.broadcast_address), i) for i, n in enumerate(networks)]
    assert (got, bad) == (wanted, [])


def test_bad_networks_are_named_by_row() -> None:
    texts = ["10.0.0.0/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "x/8", "::/129", "::/0", "/"]
    assert ends(texts)[1] == [1, 2, 3, 4, 5, 7]
    assert ends(["::ffff:192.0.2.0/120"])[0] == ends(["192.0.2.0/24"])[0]
    assert ends(["::ffff:192.0.2.0/90"])[1] == [0]  # reaches out of the IPv4 addresses


def test_ends_may_be_whole_numbers() -> None:
    found, bad = blocks_of_ends(
        pa.array(["16777216", "1.0.0.0", "2001:db8::", "1.0.0.9", "1.0.0.0", "9" * 39]),
        pa.array(["16777471", "1.0.0.255", "2001:db8::ff", "1.0.0.1", "::1", "9" * 39]),
    )
    assert bad.tolist() == [3, 4, 5]  # ends before it starts; two versions; no address
    assert (found[4].first_low == np.uint64(2**24)).all()
    assert (found[4].last_low == np.uint64(2**24 + 255)).all()
    assert found[6].row.tolist() == [2]
