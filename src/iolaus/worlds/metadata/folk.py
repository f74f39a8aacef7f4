"""Accounts as columns: what a compiled loop needs of a million of them, and no object per account.

Built a district at a time (settle.py), so that objects of one district are in memory at once.
"""

import socket
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.core.tables import ACCOUNTS, TS
from iolaus.worlds.metadata.wording import FRAME_PHRASES, SYSTEM_PHRASES, Texts
from iolaus.worlds.model import Account, Address, Cohort, Floats
from iolaus.worlds.places import PLACES
from iolaus.worlds.rhythms import RHYTHMS

CHANNELS: Final = ("first_party_api", "web_app", "cloud_marketplace", "aggregator")
COUNTRIES: Final = tuple(sorted({place.code for place in PLACES}))
ROTATES: Final = ("day", "session", "request")
# Columns of `ints`. `*_first` and `*_size`: a slice of the table of that name.
INTS: Final = (
    "address_first", "address_size", "client_first", "client_size", "key_first", "key_size",
    "limit_first", "limit_size", "kind_first", "kind_size", "frame_first", "frame_size",
    "system_first", "system_size", "channel", "organization", "tier", "rotate", "conversation",
    "tools", "choices", "rhythm",
)  # fmt: skip
# Columns of `reals`. Zone in hours, adoption in seconds; temperature is nan where none is sent.
REALS: Final = (
    "second_tier", "adoption", "zone", "context", "output", "spread", "reasoning", "cached",
    "stream", "temperature", "session", "gap",
)  # fmt: skip
SLICES: Final = ("address", "client", "limit", "kind", "frame", "system")


@dataclass
class Folk:
    """Columns of accounts, and the tables that they point into."""

    ints: NDArray[np.int32]  # accounts x INTS
    reals: NDArray[np.float32]  # accounts x REALS
    start: Floats  # seconds
    end: Floats
    banned: Floats  # nan where not
    volume: Floats  # relative, of the account inside its population
    share: Floats  # mean volume of the population
    population: list[str]
    campaign: list[str | None]
    rows: pa.Table  # the accounts table without account_id, times as int64 microseconds
    country: list[str]
    ips: NDArray[np.uint32]  # IPv4, one per entry of `address`
    asns: NDArray[np.int32]
    places: NDArray[np.int32]  # index into COUNTRIES
    clients: list[tuple[str, str]]  # user agent, JA4
    limits: NDArray[np.int32]
    kinds: list[str]
    kind: NDArray[np.int32]  # indices into `kinds`, `frames`, `systems`: what the slices slice
    frames: Texts
    frame: NDArray[np.int32]
    systems: Texts
    system: NDArray[np.int32]  # -1: no system prompt
    organizations: list[str]
    exits: list[Address] = field(default_factory=list)  # VPN exits that honest people use


class Listed:
    """Gives things numbers in the order in which they come."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    def number(self, thing: Any) -> int:
        """The thing's number, a new one where it is new."""
        return self.numbers.setdefault(thing, len(self.numbers))

    def all(self) -> list[Any]:
        """The things in the order of their numbers."""
        return list(self.numbers)


class Sliced:
    """Tuples laid end to end; equal tuples once."""

    def __init__(self) -> None:
        self.flat: list[int] = []
        self._known: dict[tuple[int, ...], int] = {}

    def place(self, numbers: tuple[int, ...]) -> tuple[int, int]:
        """Where the tuple begins, and its length."""
        first = self._known.get(numbers)
        if first is None:
            first = self._known[numbers] = len(self.flat)
            self.flat += numbers
        return first, len(numbers)


def collapse(cohorts: dict[str, Cohort], midnight: int) -> Folk:
    """The cohorts' accounts, in order, as columns. midnight: the log's first, microseconds."""
    people = [(cohort.share, account) for cohort in cohorts.values() for account in cohort.accounts]
    accounts = [account for _, account in people]
    lists: dict[str, Listed] = {
        n: Listed() for n in ("client", "kind", "frame", "system", "organization")
    }
    slices = {n: Sliced() for n in SLICES}
    addresses = Listed()
    ints = np.array([_numbers(a, lists, slices, addresses) for a in accounts], dtype=np.int32)
    keys = ints[:, INTS.index("key_size")]
    ints[:, INTS.index("key_first")] = np.cumsum(keys) - keys
    known = addresses.all()
    seen = [known[i] for i in slices["address"].flat]
    clients, systems = lists["client"].all(), lists["system"].all()
    return Folk(
        ints=ints,
        reals=np.array([_measures(a) for a in accounts], dtype=np.float32),
        start=np.array([a.start for a in accounts]),
        end=np.array([a.end for a in accounts]),
        banned=np.array([np.nan if a.banned is None else a.banned for a in accounts]),
        volume=np.array([a.weight for a in accounts]),
        share=np.array([share for share, _ in people]),
        population=[a.population for a in accounts],
        campaign=[a.campaign_id for a in accounts],
        rows=_table(accounts, midnight),
        country=[a.country for a in accounts],
        ips=np.array([_ip(a.ip) for a in seen], dtype=np.uint32),
        asns=np.array([a.asn for a in seen], dtype=np.int32),
        places=np.array([COUNTRIES.index(a.country) for a in seen], dtype=np.int32),
        clients=[clients[i] for i in slices["client"].flat],
        limits=np.array(slices["limit"].flat, dtype=np.int32),
        kinds=lists["kind"].all(),
        kind=np.array(slices["kind"].flat, dtype=np.int32),
        frames=Texts.of(lists["frame"].all(), FRAME_PHRASES),
        frame=np.array(slices["frame"].flat, dtype=np.int32),
        systems=Texts.of([(text, "") for text in systems], SYSTEM_PHRASES),
        system=np.array(slices["system"].flat, dtype=np.int32),
        organizations=lists["organization"].all(),
    )


def _numbers(
    a: Account, lists: dict[str, Listed], slices: dict[str, Sliced], addresses: Listed
) -> tuple[int, ...]:
    client, kind, frame, system = (lists[n].number for n in ("client", "kind", "frame", "system"))
    organization = -1
    if a.organization_id is not None:
        organization = lists["organization"].number(a.organization_id)
    return (
        *slices["address"].place(tuple(addresses.number(x) for x in a.addresses)),
        *slices["client"].place(tuple(client((c.user_agent, c.ja4)) for c in a.clients)),
        0, a.keys,
        *slices["limit"].place(a.tokens.limit),
        *slices["kind"].place(tuple(kind(str(k)) for k in a.voice.kinds)),
        *slices["frame"].place(tuple(frame(f) for f in a.voice.frames)),
        *slices["system"].place(tuple(-1 if s is None else system(s) for s in a.voice.systems)),
        CHANNELS.index(a.channel), organization, a.tier, ROTATES.index(a.rotate),
        int(a.conversation), a.tokens.tools, a.tokens.choices, RHYTHMS.index(a.rhythm),
    )  # fmt: skip


def _measures(a: Account) -> tuple[float, ...]:
    t = a.tokens
    warm = np.nan if t.temperature is None else t.temperature
    return (
        a.second_tier, a.adoption, a.zone, t.context, t.output, t.spread, t.reasoning, t.cached,
        t.stream, warm, a.session, a.gap,
    )  # fmt: skip


def _ip(text: str) -> int:
    return int.from_bytes(socket.inet_aton(text), "big")


def _table(accounts: list[Account], midnight: int) -> pa.Table:
    """The accounts table without ids, times in whole seconds as everywhere."""
    names = {"payment_fingerprint": "payment", "device_fingerprint": "device"}
    columns: dict[str, pa.Array] = {
        "created_at": pa.array([midnight + int(a.created) * 1_000_000 for a in accounts], TS)
    }
    for name in ACCOUNTS.names[2:]:
        values = [getattr(a, names.get(name, name)) for a in accounts]
        columns[name] = pa.array(values, ACCOUNTS.field(name).type)
    return pa.table(columns)


def joined(parts: list[Folk]) -> Folk:
    """Accounts of all parts, in order, over common tables."""
    ends = {n: np.cumsum([0, *(len(_flat(p, n)) for p in parts)]) for n in SLICES}
    keys = np.cumsum([0, *(int(p.ints[:, INTS.index("key_size")].sum()) for p in parts)])
    organizations = np.cumsum([0, *(len(p.organizations) for p in parts)])
    frames = np.cumsum([0, *(len(p.frames.hashes) for p in parts)])
    systems = np.cumsum([0, *(len(p.systems.hashes) for p in parts)])
    names = Listed()
    for number, part in enumerate(parts):
        for name in SLICES:
            part.ints[:, INTS.index(f"{name}_first")] += int(ends[name][number])
        part.ints[:, INTS.index("key_first")] += int(keys[number])
        declared = part.ints[:, INTS.index("organization")]
        declared[declared >= 0] += int(organizations[number])
        part.kind = np.array([names.number(k) for k in part.kinds], dtype=np.int32)[part.kind]
        part.frame += int(frames[number])
        part.system[part.system >= 0] += int(systems[number])
    whole: dict[str, Any] = {"kinds": names.all()}
    for one in fields(Folk):
        if one.name not in whole:
            whole[one.name] = _end_to_end([getattr(p, one.name) for p in parts])
    return Folk(**whole)


def _flat(part: Folk, name: str) -> Any:
    plural = {"address": part.ips, "client": part.clients, "limit": part.limits}
    return plural[name] if name in plural else getattr(part, name)


def _end_to_end(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(values)
    if isinstance(first, pa.Table):
        return pa.concat_tables(values)
    if isinstance(first, Texts):
        return Texts(*(np.concatenate([getattr(v, f.name) for v in values]) for f in fields(Texts)))
    return [x for value in values for x in value]
