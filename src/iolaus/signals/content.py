"""What an account asks about: a mean of its prompts' content codes, 128 numbers from -1 to 1.

A code is 128 signs (signals.text.content, or of embeddings: signals.text.embeddings). Taken are
at most SAMPLE prompts per account and day, chosen by their hash, so that the cost does not grow
with an account's volume and a day's choice does not depend on other days. Vectors of several days
merge by adding their signs.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from iolaus.core.errors import InputError
from iolaus.core.files import write_table
from iolaus.engine import Engine, Table
from iolaus.signals.day import Day, attach_day, days_of
from iolaus.signals.parts import Earlier, Keys, Parts

SAMPLE: Final = 8  # prompts per account and day
DIRECTIONS: Final = 128
CHUNK: Final = 1 << 16  # codes unpacked at once: 2^16 * 128 bytes = 8 MB
ACCOUNTS_AT_ONCE: Final = 1 << 14  # at 8 prompts on each of 45 days 2^14 * 360 * 24 bytes = 142 MB
# Prompts read and kept at once: some 10 MB of text, at most 2^14 * 4,000 characters. At 15 ms a
# prompt (a small model, docs/content.md) a run that was stopped loses 2^14 * 15 ms = 4 minutes.
EMBED_CHUNK: Final = 1 << 14
ENCODE_AT_ONCE: Final = 512  # of them; 8 seconds until progress is told again
CODES: Final = "embedded_codes"  # one row per sampled prompt, as EMBEDDED

EMBEDDED: Final = pa.schema(
    [
        pa.field("exchange_hash", pa.int64()),
        pa.field("content_low", pa.int64()),
        pa.field("content_high", pa.int64()),
    ]
)

Texts = Callable[[Sequence[tuple[int, int]]], list[str | None]]  # of (source_file, source_row)
Encode = Callable[[list[str]], NDArray[np.int64]]  # texts to codes, texts x 2
Progress = Callable[[str, int, int], None]  # step, done, total


class ContentVectors(NamedTuple):
    """Row i belongs to the i-th account asked for."""

    vectors: NDArray[np.float32]  # accounts x 128, mean signs; NaN where no prompt was counted
    counts: NDArray[np.int64]  # prompts counted


def _sample(rows: str, known: str, columns: str) -> str:
    """SQL of at most SAMPLE prompts per account of a day where `known` holds, out of `rows`.

    First about twice as many by a remainder, which needs no sorting, then the smallest hashes.
    """
    return f"""
        WITH candidates AS (
            SELECT account, exchange_hash, {columns}
            FROM {rows} JOIN accounts USING (account_id)
            WHERE {known} AND ts >= $day AND ts < $next
        )
        SELECT account, $day AS day, exchange_hash, {columns}
        FROM candidates JOIN (SELECT account, has_prompt FROM profiles WHERE day = $day)
             USING (account)
        WHERE (exchange_hash & 1073741823) % greatest(1, has_prompt // {2 * SAMPLE}) = 0
        QUALIFY row_number() OVER (PARTITION BY account ORDER BY exchange_hash) <= {SAMPLE}
    """


def content_missing(
    engine: Engine,
    days: Sequence[Day],
    keys: Mapping[date, Keys],
    earlier: Earlier | None = None,
) -> list[Day]:
    """The days whose part of content_days does not stand yet and cannot be written anew from what
    an earlier run kept: those that content_days must make from their exchanges."""
    parts = Parts(engine, f"{SAMPLE} {DIRECTIONS}", keys, earlier)
    missing = [day for day in days if not parts.choose("content_days", day.day)]
    missing = [day for day in missing if not parts.revise("content_days", day.day)]
    for day in missing:
        parts.choose("content_sample", day.day)
    return missing


def content_days(
    engine: Engine, days: Sequence[Day] | None = None, *, embedded: bool = False
) -> Table:
    """Collect the sampled codes of each account, for each of `days` (by default those of features).

    In: accounts, profiles, the days; with `embedded` the table that embedded_content made instead
    of the features' own codes. Out: account, day, n (prompts counted, 1 to SAMPLE), low and high
    (lists of n codes' lanes): as many bytes as 128 sums of a day, and the prompts stay apart.
    """
    known = "content_low IS NOT NULL AND content_high IS NOT NULL"
    for day in days_of(engine) if days is None else days:
        if engine.stages.part("content_days", day.day).exists():
            continue
        chosen = "SELECT * FROM embedded_content WHERE day = $day AND content_low IS NOT NULL"
        if not embedded:
            chosen = _sample(attach_day(engine, day), known, "content_low, content_high")
        engine.day_step(
            "content_days",
            day.day,
            f"""
            SELECT account, day, count(*)::INTEGER AS n,
                   list(content_low ORDER BY exchange_hash) AS low,
                   list(content_high ORDER BY exchange_hash) AS high
            FROM ({chosen}) GROUP BY account, day ORDER BY account
            """,
            {"day": day.day} if embedded else day.span,
        )
    return engine.attach_days("content_days")


def embedded_content(
    engine: Engine,
    texts: Texts,
    encode: Encode,
    progress: Progress = lambda step, done, total: None,
    days: Sequence[Day] | None = None,
) -> Table:
    """Codes of the days' sampled prompts by an embedding model; kept, so that a later run resumes.

    In: accounts, profiles, the days (by default those of features); `texts` reads prompts by
    (source_file, source_row), None where there is none any more; `encode` as
    signals.text.embeddings.encoder makes it. A run that was stopped goes on from its last
    EMBED_CHUNK prompts; `encode` is not called once all are there.
    Out: account, day, exchange_hash, content_low, content_high (null where no text was read).
    """
    for day in days_of(engine) if days is None else days:
        if not engine.stages.part("content_sample", day.day).exists():
            rows = attach_day(engine, day)
            sql = _sample(rows, "prompt_hash IS NOT NULL", "source_file, source_row")
            engine.day_step("content_sample", day.day, sql, day.span)
    engine.attach_days("content_sample")
    if engine.stages.done(CODES):
        engine.attach(engine.stages.table(CODES))
    else:
        _embed(engine, texts, encode, progress)
    return engine.step(
        "embedded_content",
        "SELECT account, day, exchange_hash, content_low, content_high "
        f"FROM content_sample JOIN {CODES} USING (exchange_hash)",
    )


def _embed(engine: Engine, texts: Texts, encode: Encode, progress: Progress) -> None:
    """Make the table CODES in the log's order, from parts that are kept as they are made."""
    sample = engine.fetch(
        "SELECT exchange_hash, source_file, source_row FROM content_sample "
        "ORDER BY source_file, source_row"
    )
    parts = []
    for start in range(0, sample.num_rows, EMBED_CHUNK):

        def tell(done: int, before: int = start) -> None:
            progress("embed", before + done, sample.num_rows)

        parts.append(engine.stages.table(f"{CODES}_{start}"))
        if not parts[-1].path.exists():
            made = _encoded(sample.slice(start, EMBED_CHUNK), texts, encode, tell)
            write_table(pa.Table.from_batches([made]), parts[-1].path)
    progress("embed", sample.num_rows, sample.num_rows)
    read = [pq.read_table(part.path, schema=EMBEDDED) for part in parts]
    engine.keep(CODES, pa.concat_tables([EMBEDDED.empty_table(), *read]))
    for part in parts:
        part.path.unlink()


def _encoded(
    sample: pa.Table, texts: Texts, encode: Encode, tell: Callable[[int], None]
) -> pa.RecordBatch:
    """Codes of one chunk of content_sample; `tell` hears how many prompts are done."""
    tell(0)
    files, rows = sample["source_file"].to_pylist(), sample["source_row"].to_pylist()
    read = texts(list(zip(files, rows, strict=True)))
    if len(read) != sample.num_rows:
        raise InputError(
            f"{sample.num_rows} prompts were asked for and {len(read)} came",
            next_step="Return one text, or None, per position, in the order asked.",
        )
    found = [(place, text) for place, text in enumerate(read) if text and text.strip()]
    there, codes = np.zeros(len(read), np.bool_), np.zeros((len(read), 2), np.int64)
    for start in range(0, len(found), ENCODE_AT_ONCE):
        tell(found[start][0])
        places, prompts = zip(*found[start : start + ENCODE_AT_ONCE], strict=True)
        there[list(places)], codes[list(places)] = True, encode(list(prompts))
    lanes = [pa.array(codes[:, lane], mask=~there) for lane in range(2)]
    hashes = sample["exchange_hash"].combine_chunks()
    return pa.RecordBatch.from_arrays([hashes, *lanes], schema=EMBEDDED)


def content_vectors(engine: Engine, until: date, accounts: NDArray[np.int64]) -> ContentVectors:
    """Mean signs of the codes of the days before `until`.

    In: content_days; `accounts` are distinct account numbers in any order. Holds the result (520
    bytes per account, where any has codes) and the codes of ACCOUNTS_AT_ONCE accounts.
    """
    place = np.flatnonzero(_with_codes(engine, until, accounts))
    counts = np.zeros(len(accounts), np.int64)
    if not place.size:  # a log without text may have a million accounts: one row stands for all
        nothing = np.full((1, DIRECTIONS), np.nan, np.float32)
        return ContentVectors(np.broadcast_to(nothing, (len(accounts), DIRECTIONS)), counts)
    vectors = np.full((len(accounts), DIRECTIONS), np.nan, np.float32)
    for start in range(0, len(place), ACCOUNTS_AT_ONCE):
        part = place[start : start + ACCOUNTS_AT_ONCE]
        sums, many = np.zeros((len(part), DIRECTIONS), np.int32), np.zeros(len(part), np.int64)
        _add_codes(_codes(engine, until, accounts[part]), sums, many)
        counts[part], vectors[part] = many, (2 * sums - many[:, None]) / many[:, None]
    return ContentVectors(vectors, counts)


def _with_codes(engine: Engine, until: date, accounts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the accounts have a code before `until`."""
    rows = engine.fetch(
        "SELECT DISTINCT account FROM content_days WHERE day < $until", {"until": until}
    )
    return np.isin(accounts, rows["account"].to_numpy())


def _codes(engine: Engine, until: date, accounts: NDArray[np.int64]) -> pa.Table:
    """Every code of these accounts, with the account's place among them, in order of place."""
    wanted = {"account": accounts, "place": np.arange(len(accounts))}
    engine.register("content_wanted", pa.table(wanted))
    return engine.fetch(
        """
        SELECT place, unnest(low) AS low, unnest(high) AS high
        FROM content_days JOIN content_wanted USING (account)
        WHERE day < $until AND account BETWEEN $least AND $most
        ORDER BY place
        """,
        {"until": until, "least": int(accounts.min()), "most": int(accounts.max())},
    )


def _add_codes(codes: pa.Table, ones: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Add to each place's set bits per direction, and to its number of codes."""
    places, low, high = (codes[name].to_numpy() for name in ("place", "low", "high"))
    counts += np.bincount(places, minlength=len(counts))
    for start in range(0, len(places), CHUNK):
        part = slice(start, start + CHUNK)
        first = np.flatnonzero(np.diff(places[part], prepend=-1))  # where a new place begins
        bits = code_bits(low[part], high[part])
        ones[places[part][first]] += np.add.reduceat(bits, first, axis=0, dtype=np.int32)


def code_bits(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The 128 bits of each code as 0 or 1; column d is bit d of low, then of high."""
    lanes = np.stack([low, high], axis=1).astype("<i8").view(np.uint8)
    return np.unpackbits(lanes, axis=1, bitorder="little")
