"""One UTC day of exchanges as a table: every column drawn at once."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from iolaus.core.hashing import mix64
from iolaus.core.tables import EXCHANGES
from iolaus.worlds.book import Book, Objects, addresses_of, clients_of
from iolaus.worlds.model import DAY, Account, Floats, Ints, Rows
from iolaus.worlds.people import Stage
from iolaus.worlds.wording import write

CHARS_PER_TOKEN = 4.0
FAILURES = (429, 529, 500, 400)
FAILURE_SHARES = (0.55, 0.2, 0.1, 0.15)


@dataclass(frozen=True)
class Releases:
    """Models by tier, oldest first. `at` in seconds; those before the log are -inf."""

    names: tuple[tuple[str, ...], ...]
    at: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class World:
    """All that a day is written from."""

    stage: Stage
    accounts: list[Account]
    book: Book
    releases: Releases
    midnight: int  # first midnight of the log, microseconds since the epoch


def day_table(
    world: World, rows: Rows, failed: NDArray[np.bool_], first: int, rng: np.random.Generator
) -> pa.Table:
    """`rows` sorted by time; `first` is the number of the first one in the log."""
    prompts, systems = write(world.stage, world.accounts, rows, rng)
    columns: dict[str, pa.Array] = {
        "exchange_id": _ids("x_", np.arange(first, first + rows.slot.size), world.stage.seed),
        "ts": pa.array(
            world.midnight + (rows.ts * 1e6).astype(np.int64), EXCHANGES.field("ts").type
        ),
        "prompt": pa.array(prompts, pa.string()),
        "system_prompt": pa.array(systems, pa.string()),
        "response": pa.nulls(rows.slot.size, pa.string()),
    }
    columns |= _who(world, rows)
    columns |= _where(world, rows, rng)
    columns["model"] = pa.array(_models(world, rows, rng), pa.string())
    columns["status"] = pa.array(
        np.where(failed, rng.choice(FAILURES, failed.size, p=FAILURE_SHARES), 200), pa.int32()
    )
    columns |= _sizes(world.book, rows, prompts, systems, failed, rng)
    return pa.table([columns[n] for n in EXCHANGES.names], schema=EXCHANGES)


def _ids(prefix: str, numbers: Ints, seed: int) -> pa.Array:
    """Opaque unique ids: a bijection of the row's number, as 16 hexadecimal digits."""
    digits = mix64(numbers.astype(np.int64), seed).astype(">i8").tobytes().hex()
    return pa.array([prefix + digits[i : i + 16] for i in range(0, len(digits), 16)], pa.string())


def _unit(numbers: Ints, salt: int) -> Floats:
    """Numbers -> [0, 1), the same for the same number."""
    scaled: Floats = (mix64(numbers, salt).view(np.uint64) >> np.uint64(11)) / 2.0**53
    return scaled


def _strings(values: Objects) -> pa.Array:
    return pa.array(values, pa.string(), from_pandas=True)


def _who(world: World, rows: Rows) -> dict[str, pa.Array]:
    book, slot = world.book, rows.slot
    key = book.keys.pick(slot, _unit(slot * 1_000_003 + rows.sequence // 50, 3))
    sitting = slot * 10_000_019 + rows.sitting
    conversation = _ids("conv_", sitting, world.stage.seed + 1)
    has = book.numbers["conversation"][slot] > 0
    return {
        "account_id": _strings(book.ids[slot]),
        "organization_id": _strings(book.organizations[slot]),
        "channel": _strings(book.channels[slot]),
        "api_key_id": _take(book.keys.values.tolist(), key, pa.string()),
        "conversation_id": pc.if_else(pa.array(has), conversation, pa.scalar(None, pa.string())),
    }


def _take(values: list[object] | list[str] | list[int], index: Ints, kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind).take(pa.array(index, mask=index < 0))


def _where(world: World, rows: Rows, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Address by day, sitting or request; the first of an account's list most often."""
    book, slot = world.book, rows.slot
    day = (rows.ts // DAY).astype(np.int64)
    stable = np.where(
        book.numbers["rotate"][slot] == 0, day * 3 + _part_of_day(book, rows), rows.sitting
    )
    unit = _unit(slot * 10_000_019 + stable, 5) ** 1.5
    unit = np.where(book.numbers["rotate"][slot] == 2, rng.random(slot.size), unit)
    address = book.addresses.pick(slot, unit)
    ips, asns, countries = addresses_of(book)
    agents, ja4s = clients_of(book)
    client = book.clients.pick(slot, _unit(slot * 10_000_019 + rows.sitting, 7) ** 2)
    return {
        "client_ip": _take(ips, address, pa.string()),
        "asn": _take(asns, address, pa.int64()),
        "country": _take(countries, address, pa.string()),
        "user_agent": _take(agents, client, pa.string()),
        "tls_fingerprint": _take(ja4s, client, pa.string()),
    }


def _part_of_day(book: Book, rows: Rows) -> Ints:
    local = (rows.ts / 3600 + book.numbers["zone"][rows.slot]) % 24
    return ((local >= 9) & (local < 18)).astype(np.int64)


def _models(world: World, rows: Rows, rng: np.random.Generator) -> Objects:
    """The account's tier, at the newest release that it has taken up by then."""
    numbers, slot = world.book.numbers, rows.slot
    tier = numbers["tier"][slot].astype(np.int64)
    other = rng.random(slot.size) < numbers["second_tier"][slot]
    tier = np.where(other, rng.integers(0, len(world.releases.names), slot.size), tier)
    out = np.empty(slot.size, dtype=object)
    for number, (names, times) in enumerate(
        zip(world.releases.names, world.releases.at, strict=True)
    ):
        mine = np.flatnonzero(tier == number)
        since = rows.ts[mine] - numbers["adoption"][slot[mine]]
        newest = np.zeros(mine.size, dtype=np.int64)
        for position, at in enumerate(times):
            newest = np.where(since >= at, position, newest) if at > 0 else np.maximum(newest, 0)
        out[mine] = np.array(names, dtype=object)[newest]
    return out


def _sizes(
    book: Book, rows: Rows, prompts: list[str], systems: list[str | None],
    failed: NDArray[np.bool_], rng: np.random.Generator,
) -> dict[str, pa.Array]:  # fmt: skip
    """Tokens and sampling settings. A failed exchange has input and nothing else."""
    numbers, slot, size = book.numbers, rows.slot, rows.slot.size
    noise = rng.standard_normal((4, size))
    text = np.fromiter(map(len, prompts), np.int64, size) / CHARS_PER_TOKEN
    fixed = np.fromiter((len(s) if s else 0 for s in systems), np.int64, size) / CHARS_PER_TOKEN
    spread = numbers["spread"][slot]
    context = numbers["context"][slot] * np.exp(noise[0] * spread)
    entry = np.ceil(text * np.exp(0.08 * noise[1]) + fixed + context) + 4
    limit = book.limits.pick(slot, rng.random(size))
    limits = np.append(np.array(book.limits.values, dtype=np.int64), 0)
    ceiling = np.where(limit >= 0, limits[limit], 8_192)
    choices = numbers["choices"][slot]
    thinks = (rng.random(size) < numbers["reasoning"][slot]) & ~failed
    thought = np.where(thinks, np.ceil(600 * np.exp(noise[3] * 0.9)), 0)
    written = np.ceil(numbers["output"][slot] * np.exp(noise[2] * spread))
    written = np.minimum(written + thought, ceiling) * choices
    cached = np.floor((fixed + context) * numbers["cached"][slot] * rng.beta(6, 2, size))
    none = failed | (rng.random(size) < 0.001)
    warm = numbers["temperature"][slot]
    return {
        "input_tokens": pa.array(entry.astype(np.int64)),
        "cached_input_tokens": pa.array(
            np.where(none, 0, np.minimum(cached, entry)).astype(np.int64)
        ),
        "output_tokens": pa.array(np.where(none, 0, written).astype(np.int64)),
        "reasoning_tokens": pa.array(
            np.where(none, 0, np.minimum(thought, written)).astype(np.int64)
        ),
        "max_output_tokens": pa.array(ceiling, pa.int64(), mask=limit < 0),
        "temperature": pa.array(warm, pa.float64(), mask=np.isnan(warm)),
        "choice_count": pa.array(choices.astype(np.int32)),
        "stream": pa.array(rng.random(size) < numbers["stream"][slot]),
        "tool_count": pa.array(numbers["tools"][slot].astype(np.int32)),
    }
