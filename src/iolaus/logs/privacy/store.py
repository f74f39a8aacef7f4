"""The store as privacy sees it: where days lie, and what goes when they are old.

STORE/exchanges/day=YYYY-MM-DD/*.parquet    exchanges; texts null unless the policy is 'keep'
STORE/texts/day=YYYY-MM-DD/*.parquet        sealed texts, under the policy 'encrypt'
STORE/accounts.parquet  enforcement.parquet  aliases.parquet  erased.parquet
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.core.files import write_table
from iolaus.core.tables import TEXT_COLUMNS
from iolaus.logs.privacy.access import AccessLog, Asking
from iolaus.logs.privacy.keys import Keys
from iolaus.logs.privacy.text import unseal

EXCHANGES_DIR: Final = "exchanges"
TEXTS_DIR: Final = "texts"
DAY: Final = "day="
SUFFIX: Final = ".parquet"
EXPIRED: Final = ".expired-"  # readers pass over names that begin with a dot
ACCOUNT_TABLES: Final = ("accounts", "enforcement")  # STORE/NAME.parquet, by account_id
RESULT_TABLES: Final = ("members", "detections")  # OUT/NAME.parquet of a scan, by account_id
KNOWN_FILE: Final = "known.parquet"  # of a scan: its members stand in a list of each campaign's row
ALIASES_FILE: Final = "aliases.parquet"
ERASED_FILE: Final = "erased.parquet"
# What is left of an erased account: counts by day, without anything that says whose they were.
ERASED: Final = pa.schema(
    [
        ("erasure", pa.int32()),  # 1, 2, ... in order
        ("day", pa.date32()),  # null: the account had sent nothing
        ("exchanges", pa.int64()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
    ]
)
MOST_EXCERPTS = 1_000  # per call: whoever wants more says why more often


def days(store: Path, part: str) -> list[tuple[date, Path]]:
    """The days of EXCHANGES_DIR or TEXTS_DIR, oldest first: a directory each, or one file.

    Raises InputError for what is no store, or holds more than days: what lies outside of them would
    be passed over when somebody asks for an erasure.
    """
    if not (store / EXCHANGES_DIR).is_dir():
        raise InputError(
            "this is no store.",
            where=str(store),
            next_step="Point at the directory that iolaus ingest writes to.",
        )
    found = []
    for path in _seen(store / part):
        try:
            day = date.fromisoformat(path.name.removeprefix(DAY).removesuffix(SUFFIX))
        except ValueError:
            raise _foreign(path) from None
        found.append((day, path))
    return found


def day_files(day: Path) -> list[Path]:
    """Parquet files of one day, in order. Raises InputError for files of another kind."""
    files = [day] if day.is_file() else _seen(day)
    for path in files:
        if path.suffix != SUFFIX or not path.is_file():
            raise _foreign(path)
    return files


def _seen(directory: Path) -> list[Path]:
    """In order; readers pass over names that begin with a dot or an underscore."""
    if not directory.is_dir():
        return []
    return sorted(p for p in directory.iterdir() if not p.name.startswith((".", "_")))


def _foreign(path: Path) -> InputError:
    return InputError(
        "this is no Parquet file of a day.",
        where=str(path),
        next_step="Privacy works on a store (day=YYYY-MM-DD, Parquet): ingest the log into one, or "
        "move the file out.",
    )


@dataclass(frozen=True)
class Expired:
    """What `expire` deleted: days of exchanges and of sealed texts."""

    exchanges: tuple[date, ...]
    texts: tuple[date, ...]


def expire(
    store: Path,
    today: date,
    *,
    keep_days: int | None,
    text_days: int | None,
    access: AccessLog,
    asking: Asking,
) -> Expired:
    """Delete whole days that lie more than so many days back (None: never), and record it.

    With 30, what arrived on 1 May is deleted by the first run on 1 June or later: 31 May is the
    30th day after it. Texts never outlive their exchanges. Safe to kill and repeat.
    """
    due = {EXCHANGES_DIR: keep_days, TEXTS_DIR: text_days}
    if keep_days is not None:
        due[TEXTS_DIR] = keep_days if text_days is None else min(keep_days, text_days)
    gone: dict[str, tuple[date, ...]] = {}
    old: list[Path] = []
    for part, limit in due.items():
        if limit is not None and limit < 0:
            raise InputError(f"days to keep must be 0 or more, not {limit}.", where="[privacy]")
        lapsed = [] if limit is None else [
            (day, path) for day, path in days(store, part) if today - day > timedelta(days=limit)
        ]  # fmt: skip
        gone[part] = tuple(day for day, _ in lapsed)
        old += [path for _, path in lapsed]
    if old:
        said = {part: [day.isoformat() for day in found] for part, found in gone.items()}
        access.append(asking, "expire", said)
    _delete_renamed(store)  # that a killed run left: a day may have come again since
    for path in old:
        path.rename(path.with_name(EXPIRED + path.name))
    if keep_days is not None:
        _expire_erased(store / ERASED_FILE, today - timedelta(days=keep_days))
    _delete_renamed(store)
    return Expired(gone[EXCHANGES_DIR], gone[TEXTS_DIR])


def _delete_renamed(store: Path) -> None:
    for part in (EXCHANGES_DIR, TEXTS_DIR):
        for path in (store / part).glob(f"{EXPIRED}*"):
            path.unlink() if path.is_file() else shutil.rmtree(path)


def _expire_erased(path: Path, first: date) -> None:
    """Counts of erased accounts go with their days; the last number stays, so that it is not given
    to somebody else."""
    if path.exists():
        table = pq.read_table(path)
        old = pc.fill_null(pc.less(table["day"], pa.scalar(first)), False)
        if pc.any(old).as_py():
            left, last = table.filter(pc.invert(old)), pc.max(table["erasure"]).as_py()
            if last not in left["erasure"].to_pylist():
                nothing = dict.fromkeys(ERASED.names, 0) | {"erasure": last, "day": None}
                left = pa.concat_tables([left, pa.Table.from_pylist([nothing], schema=ERASED)])
            write_table(left, path)


def excerpts(
    store: Path,
    exchange_ids: Sequence[str],
    *,
    keys: Keys | None,
    access: AccessLog,
    asking: Asking,
    on: Sequence[date] | None = None,
) -> list[dict[str, str | None]]:
    """Texts of these exchanges, in their order, for a person to read; recorded before it is done.

    Each has exchange_id, account_id and TEXT_COLUMNS; exchanges without text are left out. `on`:
    the days to look at, all if None. keys: None where nothing was sealed.
    """
    if len(exchange_ids) > MOST_EXCERPTS:
        raise InputError(
            f"{len(exchange_ids):,} excerpts at once; {MOST_EXCERPTS:,} are the most.",
            where="excerpts",
            next_step="Ask for those that you will read.",
        )
    access.append(asking, "excerpts", {"exchanges": list(exchange_ids)})
    wanted = pa.array(exchange_ids, pa.string())
    found: dict[str, dict[str, str | None]] = {}
    columns = ["exchange_id", "account_id", *TEXT_COLUMNS]
    for table in _rows(store, EXCHANGES_DIR, "exchange_id", wanted, on, columns):
        found |= {row["exchange_id"]: row for row in table.to_pylist()
                  if any(row.get(name) is not None for name in TEXT_COLUMNS)}  # fmt: skip
    for table in _rows(store, TEXTS_DIR, "exchange_id", wanted, on, None):
        found |= {str(row["exchange_id"]): row for row in unseal(table, required(keys))}
    return [found[name] for name in exchange_ids if name in found]


def required(keys: Keys | None) -> Keys:
    """Raises InputError where sealed texts are to be read and no keys were given."""
    if keys is None:
        raise InputError(
            "the store has sealed texts, and no keys were given.",
            where=TEXTS_DIR,
            next_step="Give the configuration whose [privacy] names the key file.",
        )
    return keys


def rows_of(store: Path, part: str, accounts: pa.Array) -> Iterator[pa.Table]:
    """All rows of these accounts in one part of the store, file by file, days in order."""
    yield from _rows(store, part, "account_id", accounts, None, None)


def _rows(
    store: Path, part: str, column: str, wanted: pa.Array, on: Sequence[date] | None,
    columns: list[str] | None,
) -> Iterator[pa.Table]:  # fmt: skip
    """Row group by row group, `column` first: the other columns are read where it matches."""
    for day, directory in days(store, part):
        if on is not None and day not in on:
            continue
        for path in day_files(directory):
            with pq.ParquetFile(path) as file:
                names = file.schema_arrow.names
                if column not in names:
                    continue
                asked = None if columns is None else [name for name in columns if name in names]
                for group in range(file.num_row_groups):
                    key = file.read_row_group(group, columns=[column])[column]
                    if pc.any(mask := pc.is_in(key, wanted)).as_py():
                        yield file.read_row_group(group, columns=asked).filter(mask)
