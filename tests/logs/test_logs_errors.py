"""Golden messages: what is wrong, where, and the next step. {log} stands for the log's path."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iolaus.core.errors import InputError
from iolaus.logs import open_log

LAYOUT = "A log is LOG/exchanges/*.parquet, *.jsonl, *.json or *.csv (see docs/reading-logs.md)."
COLUMNS = ("exchange_id", "ts", "account_id", "model")


def exchanges(root: Path, name: str = "a.parquet") -> Path:
    (root / "exchanges").mkdir(parents=True, exist_ok=True)
    return root / "exchanges" / name


def table(**changes: Any) -> pa.Table:
    columns = {name: pa.array(["x"]) for name in COLUMNS}
    columns["ts"] = pa.array([0], pa.timestamp("us", tz="UTC"))
    return pa.table({k: v for k, v in (columns | changes).items() if v is not None})


def write(root: Path, **changes: Any) -> None:
    pq.write_table(table(**changes), exchanges(root))


def duplicate_columns(root: Path) -> None:
    twice = pa.Table.from_arrays(
        [*table().columns, pa.array(["y"])], names=[*table().column_names, "model"]
    )
    pq.write_table(twice, exchanges(root))


def truncated(root: Path) -> None:
    write(root)
    path = exchanges(root)
    path.write_bytes(path.read_bytes()[:100])


def naive(root: Path) -> None:
    write(root, ts=pa.array([0], pa.timestamp("us")))


def two_accounts(root: Path) -> None:
    write(root)
    (root / "accounts.parquet").touch()
    (root / "accounts.jsonl").touch()


def one_level_up(root: Path) -> None:
    root.mkdir()
    (root / "part-0.parquet").touch()


def broken_gzip(root: Path) -> None:
    exchanges(root, "a.jsonl.gz").write_bytes(gzip.compress(os.urandom(100))[:50])


def write_text(name: str, text: str) -> Callable[[Path], None]:
    return lambda root: exchanges(root, name).write_text(text) and None


GOLDEN: list[tuple[str, Callable[[Path], Any], str]] = [
    (
        "no directory",
        lambda root: None,
        f"{{log}}: there is no such directory. Check the path. {LAYOUT}",
    ),
    (
        "a file",
        lambda root: root.touch(),
        f"{{log}}: this is a file, not a directory. Check the path. {LAYOUT}",
    ),
    (
        "empty directory",
        lambda root: root.mkdir(),
        f"{{log}}/exchanges: there is no such directory. {LAYOUT}",
    ),
    (
        "files one level too high",
        one_level_up,
        "{log}/exchanges: there is no such directory. "
        f"Move the files of exchanges into {{log}}/exchanges. {LAYOUT}",
    ),
    (
        "no exchange files",
        lambda root: exchanges(root).parent.mkdir(exist_ok=True),
        "{log}/exchanges: there is no exchange file. It is empty. "
        "Put *.parquet, *.jsonl, *.json or *.csv there (or .gz, .zst).",
    ),
    (
        "only other files",
        write_text("a.txt", "x"),
        "{log}/exchanges: there is no exchange file. It holds exchanges/a.txt. "
        "Put *.parquet, *.jsonl, *.json or *.csv there (or .gz, .zst).",
    ),
    (
        "no rows in Parquet",
        lambda root: pq.write_table(table().slice(0, 0), exchanges(root)),
        "{log}/exchanges: the log has no rows. "
        "Check the export's time range, or point iolaus at another directory.",
    ),
    (
        "no rows in JSON lines",
        write_text("a.jsonl", "\n\n"),
        "{log}/exchanges: the log has no rows. "
        "Check the export's time range, or point iolaus at another directory.",
    ),
    (
        "no valid row",
        write_text("a.jsonl", '{"exchange_id": ""}\n{"exchange_id": ""}\n{\n'),
        "{log}/exchanges: none of the 3 rows can be used "
        "(missing exchange_id: 2, invalid JSON: 1). "
        "See rejects.parquet and docs/reading-logs.md. The files have: exchange_id.",
    ),
    (
        "unknown format",
        write_text("a.jsonl", '{"user": 1, "tokens": 7}\n'),
        "exchanges/a.jsonl: the format cannot be told from the first record. "
        'Write format = "..." in mapping.toml, let `iolaus map LOG` propose a mapping, '
        "or move the file away if it is no log. "
        "The record has: tokens, user.",
    ),
    (
        "two known formats",
        write_text(
            "a.jsonl",
            '{"schemaType":"ModelInvocationLog", "type": "SPAN", "traceId": "t", "startTime": 0}\n',
        ),
        "exchanges/a.jsonl: the first record looks like bedrock and langfuse. "
        'Write format = "bedrock" (or the other) in mapping.toml.',
    ),
    (
        "CSV without a required column",
        write_text("a.csv", "exchange_id,time,account_id,model\n"),
        "exchanges/a.csv: the required column 'ts' is missing. Name its column in mapping.toml; "
        "`iolaus map LOG` proposes one. The file has: account_id, exchange_id, model, time.",
    ),
    (
        "CSV of another delimiter",
        write_text("a.csv", "exchange_id;ts;account_id;model\n"),
        "exchanges/a.csv: there is one column, 'exchange_id;ts;account_id;model'. "
        "Set its delimiter in mapping.toml: [csv] delimiter = ';'.",
    ),
    (
        "CSV in UTF-16",
        lambda root: exchanges(root, "a.csv").write_bytes("exchange_id\n".encode("utf-16")),
        "exchanges/a.csv: the file is UTF-16. Convert it: iconv -f UTF-16 -t UTF-8 FILE.",
    ),
    (
        "missing column",
        lambda root: write(root, account_id=None, user=pa.array(["x"])),
        "exchanges/a.parquet: the required column 'account_id' is missing. "
        "Rename or add it, or name its column in mapping.toml. "
        "The file has: exchange_id, model, ts, user.",
    ),
    (
        "other case",
        lambda root: write(root, account_id=None, Account_ID=pa.array(["x"])),
        "exchanges/a.parquet: the required column 'account_id' is missing. "
        "There is 'Account_ID', but names are case-sensitive. "
        "Rename or add it, or name its column in mapping.toml. "
        "The file has: Account_ID, exchange_id, model, ts.",
    ),
    (
        "misspelt",
        lambda root: write(root, account_id=None, acount_id=pa.array(["x"])),
        "exchanges/a.parquet: the required column 'account_id' is missing. Is it 'acount_id'? "
        "Rename or add it, or name its column in mapping.toml. "
        "The file has: acount_id, exchange_id, model, ts.",
    ),
    (
        "column twice",
        duplicate_columns,
        "exchanges/a.parquet: the column 'model' is there 2 times. Keep one of them.",
    ),
    (
        "wrong type",
        lambda root: write(root, input_tokens=pa.array(["12"])),
        "exchanges/a.parquet: the column 'input_tokens' is string, but int64 is expected. "
        "Convert it when writing the log, for example CAST(input_tokens AS BIGINT).",
    ),
    (
        "wrong type of time",
        lambda root: write(root, ts=pa.array([1], pa.date32())),
        "exchanges/a.parquet: the column 'ts' is date32[day], "
        "but timestamp[us, tz=UTC] is expected. "
        "Convert it when writing the log, for example CAST(ts AS TIMESTAMPTZ).",
    ),
    (
        "no time zone",
        naive,
        "exchanges/a.parquet: the column 'ts' has times without a time zone (timestamp[us]). "
        "If they are UTC, set assume_utc = true under [scan] in --config FILE; "
        "otherwise write them with a zone.",
    ),
    (
        "not Parquet",
        write_text("a.parquet", "hello, this is text and not Parquet"),
        "exchanges/a.parquet: this is not a Parquet file (35 bytes that do not start with PAR1). "
        "It may be half copied or still being written. Copy it again, or move it away.",
    ),
    (
        "empty file",
        write_text("a.parquet", ""),
        "exchanges/a.parquet: the file is empty. "
        "It may be half copied or still being written. Copy it again, or move it away.",
    ),
    (
        "truncated Parquet",
        truncated,
        "exchanges/a.parquet: the Parquet file is cut off (100 bytes that do not end with PAR1). "
        "It may be half copied or still being written. Copy it again, or move it away.",
    ),
    (
        "two files of accounts",
        two_accounts,
        "{log}: there are two files of accounts: accounts.parquet, accounts.jsonl. "
        "Keep one of them.",
    ),
    (
        "broken gzip",
        broken_gzip,
        "exchanges/a.jsonl.gz: cannot be read to its end: "
        "Compressed file ended before the end-of-stream marker was reached. "
        "It may be half copied or still being written. Copy it again, or move it away.",
    ),
]


def message(root: Path) -> str:
    with pytest.raises(InputError) as caught:
        list(open_log(root).batches())
    return str(caught.value).replace(str(root), "{log}")


@pytest.mark.parametrize(("_", "prepare", "expected"), GOLDEN, ids=[g[0] for g in GOLDEN])
def test_golden(tmp_path: Path, _: str, prepare: Callable[[Path], Any], expected: str) -> None:
    prepare(tmp_path / "log")
    assert message(tmp_path / "log") == expected


def test_pointing_at_the_exchanges_directory(tmp_path: Path) -> None:
    write(tmp_path)
    assert message(tmp_path / "exchanges") == (
        "{log}/exchanges: there is no such directory. "
        f"Point at its parent directory instead. {LAYOUT}"
    )


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.jsonl.gz"])
def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Opening is made to fail, for tests may run as root, who may read all."""
    exchanges(tmp_path, name).touch()

    def deny(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    for target in ("pyarrow.parquet.ParquetFile", "pathlib.Path.open", "gzip.open"):
        monkeypatch.setattr(target, deny)
    assert message(tmp_path) == (
        f"exchanges/{name}: no permission to read this file. "
        "Give the user who runs iolaus read access to it."
    )
