"""What the user names under [enrichment], and what was found in each file."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, cast

from iolaus.core.errors import ConfigError

KINDS: Final = ("tor", "vpn", "proxy", "data_centre")  # where several apply, the first one is said
UNLISTED: Final = "unlisted"  # on none of the lists that were given
SHOWN_LINES = 5  # bad lines kept as examples
SHOWN_CHARS = 80  # of each


@dataclass(frozen=True)
class CsvFile:
    """A CSV of ranges. columns: its columns' names where its first line does not say them."""

    path: Path
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnrichmentFiles:
    """The files of [enrichment]. Among several of one sort, the first that knows something wins.

    mmdb, csv: country and AS number of addresses (CSVs are asked after all MMDBs).
    data_centre, vpn, proxy, tor: lists of addresses, CIDRs and AS numbers, one a line.
    disposable_mail: lists of mail domains, one a line.
    """

    mmdb: tuple[Path, ...] = ()
    csv: tuple[CsvFile, ...] = ()
    data_centre: tuple[Path, ...] = ()
    vpn: tuple[Path, ...] = ()
    proxy: tuple[Path, ...] = ()
    tor: tuple[Path, ...] = ()
    disposable_mail: tuple[Path, ...] = ()

    def lists(self, kind: str) -> tuple[Path, ...]:
        """The lists of one of KINDS."""
        paths: tuple[Path, ...] = getattr(self, kind)
        return paths


@dataclass
class FileReport:
    """What one file gave. entries: lines or networks used; bad: lines that could not be.

    examples: the first bad lines as (number from 1, text).
    """

    path: Path
    used_as: str
    sha256: str = ""
    entries: int = 0
    bad: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)

    def add_bad(self, line: int, text: str) -> None:
        self.bad += 1
        if len(self.examples) < SHOWN_LINES:
            shown = "".join(c if c.isprintable() else "?" for c in text[:SHOWN_CHARS])
            self.examples.append((line, shown))

    def as_dict(self) -> dict[str, object]:
        """For run.json."""
        return {
            "file": self.path.name,
            "used_as": self.used_as,
            "sha256": self.sha256,
            "entries": self.entries,
            "bad_lines": self.bad,
            "examples": [f"line {number}: {text}" for number, text in self.examples],
        }


@contextmanager
def reading(path: Path, used_as: str) -> Iterator[FileReport]:
    """Digest the file; turn what the system says of it into a ConfigError with a next step.

    A file of which nothing could be used is an error as well: it would look like a measurement.
    """
    where = f"[enrichment] {used_as}: {path}"
    try:
        report = FileReport(path, used_as, digest(path))
        yield report
    except FileNotFoundError as error:
        raise ConfigError(
            "there is no such file.",
            where=where,
            next_step="Correct the path (it is taken from the configuration file's directory), or "
            "remove the entry: what no file says is 'not measured'.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror or error}.",
            where=where,
            next_step="Give the user who runs iolaus read access, or copy the file again.",
        ) from error
    if report.entries == 0:
        seen = "; ".join(f"line {number}: '{text}'" for number, text in report.examples[:2])
        raise ConfigError(
            f"nothing in this file could be used ({report.bad:,} bad lines{seen and ': '}{seen}).",
            where=where,
            next_step="See docs/enrichment.md for the formats, or remove the entry.",
        )


def digest(path: Path) -> str:
    """SHA-256 of the file as it is stored, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes; of a .gz, unpacked as a stream. A damaged .gz is an OSError."""
    with path.open("rb") as raw:
        if path.suffix != ".gz":
            yield raw
            return
        with gzip.open(raw, "rb") as unpacked:
            try:
                yield cast(IO[bytes], unpacked)
            except (EOFError, zlib.error) as error:
                raise OSError(f"the gzip stream is cut off or damaged ({error})") from error
