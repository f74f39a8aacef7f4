"""LiteLLM_SpendLogs from PostgreSQL into a log directory, as it stands at one moment.

A database changes under a reader, and a log must not: evidence points at its rows. So the table is
copied first, one file of JSON lines a day, in one read-only transaction; `litellm.SpendLog` reads
those. A day that is copied again replaces its file, so the last days can be copied every hour.
"""

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa

from iolaus.core.errors import ConfigError, InputError
from iolaus.core.files import aside
from iolaus.logs.hints import first_line

TABLE: Final = "LiteLLM_SpendLogs"
FILE: Final = "spend-logs.jsonl.zst"
DEFAULT_PORT: Final = 5432
# JSON text has no control characters, so with these as quote and delimiter a row is its own line.
COPY_OPTIONS: Final = "FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02'"


class _Connection(Protocol):
    def run(self, sql: str, stream: Any = None, **params: Any) -> Any: ...

    def close(self) -> None: ...


def snapshot(
    url: str,
    log: Path,
    *,
    since: date | None = None,
    until: date | None = None,
    table: str = TABLE,
) -> dict[date, int]:
    """Copy rows to log/exchanges/day=YYYY-MM-DD/spend-logs.jsonl.zst; returns rows by UTC day.

    url: postgresql://USER:PASSWORD@HOST:PORT/DATABASE[?sslmode=verify-full]; `?host=/DIR` for a
    Unix socket. since, until: first day, and the day after the last; by default all that there is.
    Memory does not grow with the table. A day appears whole or not at all. Raises InputError if the
    database cannot be read, ConfigError if the URL cannot be, or pg8000 is not installed.
    """
    with _reading(url) as connection:
        name = _identifier(table)
        first, last = connection.run(
            f'SELECT min("startTime")::date, max("startTime")::date FROM {name}'
        )[0]
        if first is None:
            raise InputError(
                f"the table {table} has no rows.",
                where=_shown(url),
                next_step="Check the database, or that the proxy writes spend logs.",
            )
        start = max(since, first) if since else first
        end = min(until, last + timedelta(days=1)) if until else last + timedelta(days=1)
        days = [start + timedelta(days=n) for n in range((end - start).days)]
        return {day: rows for day in days if (rows := _copy(connection, name, log, day))}


def _copy(connection: _Connection, name: str, log: Path, day: date) -> int:
    """One day's rows, ordered. The database's own count must agree with the lines written."""
    where = f"WHERE \"startTime\" >= '{day}' AND \"startTime\" < '{day + timedelta(days=1)}'"
    expected = int(connection.run(f"SELECT count(*) FROM {name} {where}")[0][0])
    if expected == 0:
        return 0
    rows = f'SELECT * FROM {name} {where} ORDER BY "startTime", request_id'
    with aside(log / "exchanges" / f"day={day}" / FILE) as temporary:
        with pa.CompressedOutputStream(str(temporary), "zstd") as out:
            sink = _Counted(out)
            connection.run(
                f"COPY (SELECT row_to_json(r)::text FROM ({rows}) r) TO STDOUT ({COPY_OPTIONS})",
                stream=sink,
            )
        if sink.lines != expected:
            raise InputError(
                f"{sink.lines:,} of {expected:,} rows of {day} arrived.",
                where=name,
                next_step="Run it again; if it persists, report it.",
            )
    return expected


class _Counted:
    """Passes bytes on and counts their lines."""

    def __init__(self, out: Any) -> None:
        self._out, self.lines = out, 0

    def write(self, data: bytes) -> None:
        self.lines += bytes(data).count(b"\n")
        self._out.write(data)


@contextmanager
def _reading(url: str) -> Iterator[_Connection]:
    """A connection inside one read-only transaction that sees the table as it is now."""
    try:
        from pg8000.exceptions import DatabaseError, InterfaceError
        from pg8000.native import Connection
    except ImportError as error:
        raise ConfigError(
            "reading PostgreSQL needs the package pg8000.",
            next_step="Install it: pip install 'iolaus[postgres]'.",
        ) from error
    try:
        with closing(Connection(**_arguments(url))) as connection:
            connection.run("SET TIME ZONE 'UTC'")
            connection.run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection
    except (DatabaseError, InterfaceError) as error:
        raise InputError(
            f"the database says: {_message(error)}",
            where=_shown(url),
            next_step="Check the address, the user's right to SELECT, and the table's name.",
        ) from error


def _message(error: Exception) -> str:
    """PostgreSQL's own words; of its error fields, M is the message."""
    fields = error.args[0] if error.args else None
    text = fields.get("M") if isinstance(fields, dict) else None
    return f"{text}." if text else first_line(error)


def _arguments(url: str) -> dict[str, Any]:
    """What the driver takes, from a PostgreSQL URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        parts, port = urlsplit(""), 0
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    database = unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("postgresql", "postgres") or not parts.username or not database:
        raise ConfigError(
            "this is no address of a PostgreSQL database.",
            next_step="Write postgresql://USER:PASSWORD@HOST:5432/DATABASE.",
        )
    found: dict[str, Any] = {
        "user": unquote(parts.username),
        "password": unquote(parts.password) if parts.password is not None else None,
        "database": database,
    }
    folder = options.get("host", "")
    if folder.startswith("/"):
        socket = f"{folder}/.s.PGSQL.{options.get('port', port)}"
        return found | {"unix_sock": socket, "ssl_context": False}
    return found | {
        "host": parts.hostname or "localhost",
        "port": port,
        "ssl_context": _tls(options.get("sslmode", "prefer")),
    }


def _tls(mode: str) -> ssl.SSLContext | bool | None:
    """verify-full checks the server's certificate and name; require and prefer only encrypt."""
    if mode in ("verify-full", "verify-ca"):
        return ssl.create_default_context()
    modes = {"disable": False, "allow": None, "prefer": None, "require": True}
    if mode not in modes:
        raise ConfigError(
            f"sslmode is '{mode}'.", next_step="It can be verify-full, require, prefer or disable."
        )
    return modes[mode]


def _identifier(name: str) -> str:
    """A table, quoted for SQL; a schema may stand before a dot."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def _shown(url: str) -> str:
    """The address without its password, for messages."""
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
    return f"{parts.scheme}://{host}{parts.path}"
