"""Accounts as columns, so that a million exchanges take their fields at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iolaus.worlds.model import Account, Address, Client, Floats, Ints, token

Objects = NDArray[np.object_]


@dataclass(frozen=True)
class Ragged:
    """Lists of different lengths, flat: row i has values[first[i] : first[i] + size[i]]."""

    values: Objects
    first: Ints
    size: Ints

    @staticmethod
    def of(lists: list[list[object]]) -> "Ragged":
        sizes = np.array([len(x) for x in lists], dtype=np.int64)
        flat = np.empty(int(sizes.sum()), dtype=object)
        flat[:] = [x for row in lists for x in row]
        return Ragged(flat, np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64), sizes)

    def pick(self, slot: Ints, unit: Floats) -> Ints:
        """Index into `values` for each row; -1 where its list is empty. `unit` in [0, 1)."""
        size = self.size[slot]
        index = self.first[slot] + np.minimum((unit * size).astype(np.int64), size - 1)
        return np.where(size > 0, index, -1)


@dataclass(frozen=True)
class Book:
    """Columns of the accounts, one entry per slot."""

    ids: Objects
    organizations: Objects
    channels: Objects
    keys: Ragged
    addresses: Ragged
    clients: Ragged
    limits: Ragged
    numbers: dict[str, Floats]

    @staticmethod
    def of(accounts: list[Account], seed: int) -> "Book":
        keys = [[f"key_{token(seed, a.id, k, chars=10)}" for k in range(a.keys)] for a in accounts]
        numbers = {
            name: np.array([float(getattr(a, name)) for a in accounts])
            for name in ("tier", "second_tier", "adoption", "zone")
        }
        for name in (
            "context",
            "output",
            "spread",
            "reasoning",
            "cached",
            "tools",
            "choices",
            "stream",
        ):
            numbers[name] = np.array([float(getattr(a.tokens, name)) for a in accounts])
        temperature = [a.tokens.temperature for a in accounts]
        numbers["temperature"] = np.array([np.nan if t is None else t for t in temperature])
        numbers["conversation"] = np.array([float(a.conversation) for a in accounts])
        order = {"day": 0.0, "session": 1.0, "request": 2.0}
        numbers["rotate"] = np.array([order[a.rotate] for a in accounts])
        return Book(
            _objects([a.id for a in accounts]),
            _objects([a.organization_id for a in accounts]),
            _objects([a.channel for a in accounts]),
            Ragged.of([list(k) for k in keys]),
            Ragged.of([list(a.addresses) for a in accounts]),
            Ragged.of([list(a.clients) for a in accounts]),
            Ragged.of([list(a.tokens.limit) for a in accounts]),
            numbers,
        )


def _objects(values: list[str] | list[str | None]) -> Objects:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def addresses_of(book: Book) -> tuple[list[str], list[int], list[str]]:
    """Addresses' texts, AS numbers and countries, in the order of `book.addresses.values`."""
    rows: list[Address] = book.addresses.values.tolist()
    return [a.ip for a in rows], [a.asn for a in rows], [a.country for a in rows]


def clients_of(book: Book) -> tuple[list[str], list[str]]:
    """User agents and JA4s, in the order of `book.clients.values`."""
    rows: list[Client] = book.clients.values.tolist()
    return [c.user_agent for c in rows], [c.ja4 for c in rows]
