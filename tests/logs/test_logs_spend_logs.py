"""LiteLLM_SpendLogs: rows that LiteLLM itself made, out of a real PostgreSQL into a log.

A server of its own is started for these tests, on a Unix socket. Without PostgreSQL on the machine
(`apt-get install postgresql`) or without pg8000 they are skipped.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from iolaus.app.cli import app
from iolaus.core.errors import ConfigError, InputError
from iolaus.logs import open_log
from iolaus.logs.spend_logs import _arguments, snapshot

FIXTURES = Path(__file__).parent / "fixtures/litellm_spend_logs"
DAY = date(2026, 11, 21)


def rows(root: Path) -> list[dict[str, Any]]:
    log = open_log(root)
    assert set(log.formats) == {"litellm_spend_logs"}
    found = pa.Table.from_batches(log.batches()).to_pylist()
    assert log.rejects.rows_seen == len(found) + sum(log.rejects.counts.values())
    return [{k: v for k, v in row.items() if v is not None} for row in found]


def test_rows_as_litellm_makes_them(tmp_path: Path) -> None:
    (tmp_path / "log/exchanges").mkdir(parents=True)
    shutil.copy(FIXTURES / "rows.jsonl", tmp_path / "log/exchanges")
    check(rows(tmp_path / "log"))


def check(found: list[dict[str, Any]]) -> None:
    """The five calls: the embedding is none of ours, the refused one has no tokens."""
    by_user = {row["account_id"]: row for row in found if row.get("status") == 200}
    assert len(found) == 4 and len(by_user) == 3
    plain, stream = by_user["u1"], by_user["u2"]
    assert (plain["organization_id"], plain["model"]) == ("t1", "gpt-4o-mini")
    assert (plain["input_tokens"], plain["output_tokens"]) == (10, 20)
    assert (plain["response"], stream["response"]) == ("The Elbe.", "The Oder.")
    assert (plain["client_ip"], plain["user_agent"]) == ("198.51.100.7", "OpenAI/Python 2.54.0")
    assert plain["ts"].date() == DAY and plain["ts"].tzinfo is not None
    assert "conversation_id" not in plain
    nobody = next(row for user, row in by_user.items() if user not in ("u1", "u2"))
    assert nobody["account_id"] == nobody["api_key_id"] and "organization_id" not in nobody
    failed = next(row for row in found if row.get("status") != 200)
    assert "input_tokens" not in failed and failed["max_output_tokens"] == 64
    assert (failed["prompt"], failed["system_prompt"]) == ("Name a river", "You are terse.")


def program(name: str) -> str | None:
    """A program of PostgreSQL, where Debian puts it if it is not on the path."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(places[-1]) if places else None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an empty database on a server of its own."""
    pytest.importorskip("pg8000", reason="pip install 'iolaus[postgres]'")
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        if user is not None:
            shutil.chown(folder, user)
        data, quiet = f"{folder}/data", {"capture_output": True, "user": user, "cwd": folder}
        subprocess.run([initdb, "-D", data, "-U", "tester", "-A", "trust"], check=True, **quiet)
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        start = [pg_ctl, "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
        try:
            yield f"postgresql://tester@/postgres?host={folder}"
        finally:
            subprocess.run([pg_ctl, "-D", data, "-m", "immediate", "stop"], check=True, **quiet)


@pytest.fixture
def database(server: str) -> Iterator[Any]:
    """A connection to the database, whose table is made anew with the recorded rows."""
    from pg8000.native import Connection

    connection = Connection(**_arguments(server))
    connection.run('DROP TABLE IF EXISTS "LiteLLM_SpendLogs"')
    connection.run((FIXTURES / "schema.sql").read_text())
    for line in (FIXTURES / "rows.jsonl").read_text().splitlines():
        insert(connection, json.loads(line))
    yield connection
    connection.close()


def insert(connection: Any, row: dict[str, Any]) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    connection.run("SET TIME ZONE 'UTC'")
    connection.run(
        f'INSERT INTO "LiteLLM_SpendLogs" ({names}) SELECT {names} '
        'FROM json_populate_record(NULL::"LiteLLM_SpendLogs", CAST(:row AS json))',
        row=json.dumps(row | {n: json.loads(v) for n, v in row.items() if n in JSON}),
    )


JSON = ("metadata", "request_tags", "messages", "response", "proxy_server_request")


def test_a_table_becomes_a_log(database: Any, server: str, tmp_path: Path) -> None:
    assert snapshot(server, tmp_path / "log") == {DAY: 5}
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.zst")]
    assert files == ["log/exchanges/day=2026-11-21/spend-logs.jsonl.zst"]
    check(rows(tmp_path / "log"))


def more(database: Any, count: int, day: date, text: str = "x") -> None:
    database.run(
        'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", model, '
        """"user", messages) SELECT :day || '-' || n, 'acompletion', CAST(:day AS timestamp) + """
        "n * interval '1 second', CAST(:day AS timestamp), 'm', 'u', to_jsonb(CAST(:text AS text)) "
        "FROM generate_series(1, :count) n",
        day=str(day),
        text=text,
        count=count,
    )


def test_days_that_are_copied_again_replace_their_files(
    database: Any, server: str, tmp_path: Path
) -> None:
    more(database, 1_000, date(2026, 11, 23))
    log = tmp_path / "log"
    assert snapshot(server, log) == {DAY: 5, date(2026, 11, 23): 1_000}
    more(database, 500, date(2026, 11, 24))
    later = snapshot(server, log, since=date(2026, 11, 23), until=date(2026, 11, 25))
    assert later == {date(2026, 11, 23): 1_000, date(2026, 11, 24): 500}
    assert len(rows(log)) == 1_504
    assert snapshot(server, log, since=date(2027, 1, 1)) == {}


def test_texts_arrive_as_they_are(database: Any, server: str, tmp_path: Path) -> None:
    text = 'line\nline\r\n"quoted", \\n \\. \t\u202e end {"a": 1}'
    more(database, 1, date(2026, 11, 25), text)
    snapshot(server, tmp_path / "log", since=date(2026, 11, 25))
    found = rows(tmp_path / "log")
    assert [row["prompt"] for row in found] == [text]
    assert found[0]["ts"] == datetime(2026, 11, 25, 0, 0, 1, tzinfo=UTC)


def test_on_the_command_line(
    database: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOLAUS_DATABASE_URL", server)
    more(database, 7, date(2026, 11, 22))
    command = ["spend-logs", "--to", str(tmp_path / "log"), "--since", "2026-11-22"]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, result.stdout.split(" are ")[0]) == (0, "7 rows of 1 day")
    monkeypatch.delenv("IOLAUS_DATABASE_URL")
    assert isinstance(CliRunner().invoke(app, command).exception, ConfigError)


def test_an_empty_table(database: Any, server: str, tmp_path: Path) -> None:
    database.run('TRUNCATE "LiteLLM_SpendLogs"')
    with pytest.raises(InputError, match="the table LiteLLM_SpendLogs has no rows"):
        snapshot(server, tmp_path)


def test_a_table_that_is_not_there(database: Any, server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'the database says: relation "other" does not exist\.'):
        snapshot(server, tmp_path, table="other")


def test_a_hostile_table_name_is_quoted(database: Any, server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        snapshot(server, tmp_path, table='LiteLLM_SpendLogs"; DROP TABLE "LiteLLM_SpendLogs')
    assert database.run('SELECT count(*) FROM "LiteLLM_SpendLogs"') == [[5]]


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("pg8000")
    with pytest.raises(InputError) as error:
        snapshot("postgresql://u:hidden@127.0.0.1:1/db", tmp_path)
    assert str(error.value).startswith("postgresql://127.0.0.1/db: the database says:")
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["", "mysql://u@h/d", "postgresql://h/d", "postgresql://u@h", "postgresql://u@h:x/d"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigError, match="no address of a PostgreSQL database"):
        _arguments(url)


def test_addresses() -> None:
    found = _arguments("postgresql://u%40x:p%3Aw@db.example:6432/spend?sslmode=disable")
    assert found == {
        "user": "u@x",
        "password": "p:w",
        "database": "spend",
        "host": "db.example",
        "port": 6432,
        "ssl_context": False,
    }
    checked = _arguments("postgresql://u@h/d?sslmode=verify-full")["ssl_context"]
    assert checked.check_hostname
    with pytest.raises(ConfigError, match="sslmode is 'maybe'"):
        _arguments("postgresql://u@h/d?sslmode=maybe")
