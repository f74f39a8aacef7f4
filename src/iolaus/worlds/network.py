"""Where requests come from: homes, offices, mobile carriers, data centres and VPN exits."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from iolaus.worlds.model import Address
from iolaus.worlds.places import BY_CODE, EXITS, HOSTING, PLACES

Block = tuple[int, int]  # first address as an integer, number of addresses


def _text(value: int | np.integer[Any]) -> str:
    number = int(value)
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


class Network:
    """Draws addresses. `homes`, `hosting` and `exits` replace the built-in blocks.

    homes: country -> blocks; hosting and exits: (AS number, country, block).
    """

    def __init__(
        self,
        homes: Mapping[str, Sequence[Block]] | None = None,
        hosting: Sequence[tuple[int, str, Block]] | None = None,
        exits: Sequence[tuple[int, str, Block]] | None = None,
    ) -> None:
        self._homes = homes or {
            p.code: [((o << 24) + ((i * 37 % 256) << 16), 1 << 19) for i, o in enumerate(p.octets)]
            for p in PLACES
        }
        self._hosting = hosting or [_built_in(*row) for row in HOSTING]
        self._exits = exits or [_built_in(*row) for row in EXITS]

    def subnet(self, country: str, rng: np.random.Generator) -> int:
        """First address of a random /24 of the country."""
        blocks = self._homes[country]
        sizes = np.array([size for _, size in blocks], dtype=np.float64)
        first, size = blocks[int(rng.choice(len(blocks), p=sizes / sizes.sum()))]
        return int(first + 256 * rng.integers(0, max(1, size // 256)))

    def homes(self, country: str, count: int, rng: np.random.Generator) -> list[Address]:
        """Addresses that one household holds over time: one or two /24s of one provider."""
        place = BY_CODE[country]
        asn = int(rng.choice(place.isps))
        nets = [self.subnet(country, rng) for _ in range(1 if count < 3 else 2)]
        return [
            Address(_text(nets[i % len(nets)] + rng.integers(2, 254)), asn, country)
            for i in range(count)
        ]

    def gateway(
        self, country: str, count: int, rng: np.random.Generator, *, mobile: bool = False
    ) -> list[Address]:
        """The few addresses behind which many strangers stand: a campus or a carrier."""
        place = BY_CODE[country]
        net = self.subnet(country, rng)
        asn = place.mobile if mobile else int(rng.choice(place.isps))
        hosts = rng.choice(np.arange(2, 254), count, replace=False)
        return [Address(_text(net + h), asn, country) for h in hosts]

    def hosted(self, count: int, rng: np.random.Generator) -> list[Address]:
        """Addresses of servers, at random operators."""
        return [_inside(self._hosting, rng) for _ in range(count)]

    def rack(self, count: int, rng: np.random.Generator) -> list[Address]:
        """Servers that one customer rents together: one /24 of one operator."""
        one = _inside(self._hosting, rng)
        net = int(ipaddress.IPv4Address(one.ip)) & ~255
        hosts = rng.choice(np.arange(2, 254), count, replace=False)
        return [Address(_text(net + h), one.asn, one.country) for h in hosts]

    def exits(self, count: int, rng: np.random.Generator) -> list[Address]:
        """VPN exits, in the ranges of the operators that carry them."""
        return [_inside(self._exits, rng) for _ in range(count)]


def _built_in(asn: int, country: str, octets: tuple[int, int]) -> tuple[int, str, Block]:
    return asn, country, ((octets[0] << 24) + (octets[1] << 16), 1 << 16)


def _inside(rows: Sequence[tuple[int, str, Block]], rng: np.random.Generator) -> Address:
    asn, country, (first, size) = rows[int(rng.integers(len(rows)))]
    return Address(_text(first + rng.integers(min(2, size - 1), size)), asn, country)
