"""Who looked at, took out or deleted what, when and why: JSON lines that only ever grow.

Each record carries the SHA-256 of the one before it, so that a record that was changed, taken out
or put in later breaks the chain. What a chain cannot show is that its end was cut off: note the
`head` somewhere else from time to time.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from iolaus.core.errors import InputError

FIRST: Final = "0" * 64  # what stands before the first record


@dataclass(frozen=True)
class Asking:
    """Who asks for something, why, and when (the caller's clock, with a zone).

    Raises InputError where one of them says nothing.
    """

    who: str
    why: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.who.strip() or not self.why.strip():
            raise InputError(
                "who asks and why must be said; both are recorded.",
                where="the access log",
                next_step='Pass --who NAME --why "REASON".',
            )
        if self.at.tzinfo is None:
            raise InputError("the time has no zone.", where="the access log")


class AccessLog:
    """One file of records. Several processes may append; the system's file lock orders them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, asking: Asking, action: str, what: Mapping[str, Any]) -> str:
        """Write one record and return its hash once it is on the disk.

        Callers do this before they do what is recorded: what failed afterwards was still asked for.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            last, number, torn = FIRST, 0, False
            for line in file:
                record, torn = _record(line), not line.endswith(b"\n")
                if record is not None:
                    last, number = str(record.get("hash")), number + 1
            record = {
                "number": number + 1,
                "at": asking.at.astimezone(UTC).isoformat(),
                "who": asking.who,
                "action": action,
                "why": asking.why,
                "what": dict(what),
                "previous": last,
            }
            record["hash"] = _digest(record)
            file.write((b"\n" if torn else b"") + json.dumps(record).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return str(record["hash"])

    def records(self) -> list[dict[str, Any]]:
        """All records, oldest first, once the chain has been checked. Raises InputError.

        A line that is no whole record (the process was killed while it wrote) is passed over: had
        it been a record, the next one would name its hash.
        """
        if not self.path.exists():
            return []
        found: list[dict[str, Any]] = []
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                record = _record(line)
                if record is not None:
                    self._check(record, found[-1]["hash"] if found else FIRST, file, number)
                    found.append(record)
        return found

    def head(self) -> str:
        """The last record's hash, to be noted elsewhere."""
        found = self.records()
        return str(found[-1]["hash"]) if found else FIRST

    def _check(self, record: dict[str, Any], previous: str, file: IO[bytes], number: int) -> None:
        said = record.get("hash")
        body = {name: value for name, value in record.items() if name != "hash"}
        if record.get("previous") != previous or said != _digest(body):
            raise InputError(
                f"line {number} does not follow from the line before it: the log was changed.",
                where=str(self.path),
                next_step="Compare it with a backup; what was recorded before that line stands.",
            )


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "hash" in record else None


def _digest(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
