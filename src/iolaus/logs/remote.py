"""Logs in an object store: paths such as s3://BUCKET/LOG, read through Arrow's own clients.

A `Remote` is a path whose files are read over the network, so that readers need not know. Names are
joined and cut as those of any path. Endpoint, region and credentials come from the environment, as
each provider's own tools take them (docs/reading-logs.md); nothing is written and nothing is kept.
"""

import io
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PosixPath
from typing import IO, Any, Final, Self, cast

import pyarrow as pa
from pyarrow import fs

from iolaus.core.errors import InputError
from iolaus.logs.hints import first_line

SCHEMES: Final = ("s3", "gs", "gcs", "abfs", "abfss")
# A path folds two slashes into one, so that a command line's Path("s3://b/x") says s3:/b/x.
ADDRESS: Final = re.compile(rf"({'|'.join(SCHEMES)}):/+(?=[^/])")
READ_AHEAD: Final = 8 * 2**20  # bytes a request: at 30 ms each, 280 MB/s are not slowed down
COLUMN_READ: Final = 4 * 2**20  # of a Parquet column; 26 columns hold 104 MB at most


def located(path: Path) -> Path:
    """The path itself, or the place in an object store that it names.

    Raises InputError where it holds a password, which would stand in every report and log.
    """
    if not ADDRESS.match(str(path)) or isinstance(path, Remote):
        return path
    if re.match(r"[^/]+:/+[^/@]*:[^/@]*@", str(path)):
        raise InputError(
            "credentials do not belong into a path.",
            where=re.sub(r"/[^/@]*@", "/...@", str(path), count=1),
            next_step="Set them in the environment (docs/reading-logs.md).",
        )
    return Remote(path)


class Remote(PosixPath):
    """A file or folder of an object store: opens and lists there; the rest is as of any path."""

    _client: tuple[fs.FileSystem, str] | None = None  # and what stands for the authority in keys
    _info: fs.FileInfo | None = None  # as the folder's listing said

    def __str__(self) -> str:
        return ADDRESS.sub(r"\1://", super().__str__(), count=1)

    def _place(self) -> tuple[fs.FileSystem, str]:
        """The client, and the file's key there. Raises InputError if there can be no client."""
        scheme, _, rest = str(self).partition("://")
        authority, _, below = rest.partition("/")
        if self._client is None:
            with self._said():
                self._client = fs.FileSystem.from_uri(f"{scheme}://{authority}")
        client, root = self._client
        return client, f"{root}/{below}".rstrip("/")

    def _said(self) -> "_Said":
        return _Said(str(self))

    def _looked_up(self) -> fs.FileInfo:
        if self._info is not None:
            return self._info
        client, key = self._place()
        with self._said():
            return client.get_file_info(key)

    def _listed(self, *, recursive: bool) -> Iterator[Self]:
        """What lies below, with what the listing says of it."""
        client, key = self._place()
        with self._said():
            found = client.get_file_info(fs.FileSelector(key, recursive=recursive))
        for info in sorted(found, key=lambda info: info.path):
            path = self / info.path.removeprefix(key).lstrip("/")
            path._client, path._info = self._client, info
            yield path

    def files(self) -> list[Self]:
        """All files below, at any depth, by name."""
        return [path for path in self._listed(recursive=True) if path.is_file()]

    def iterdir(self) -> Iterator[Self]:  # type: ignore[override]  # newer stubs: Generator
        return self._listed(recursive=False)

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return bool(self._looked_up().type != fs.FileType.NotFound)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return bool(self._looked_up().type == fs.FileType.Directory)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return bool(self._looked_up().type == fs.FileType.File)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Size and time of change. Raises FileNotFoundError."""
        info = self._looked_up()
        if info.type == fs.FileType.NotFound:
            raise FileNotFoundError(2, "there is no such object", str(self))
        mode = stat.S_IFREG if info.type == fs.FileType.File else stat.S_IFDIR
        when = 0.0 if info.mtime is None else info.mtime.timestamp()
        return os.stat_result((mode | 0o444, 0, 0, 1, 0, 0, info.size or 0, when, when, when))

    def open(  # type: ignore[override]  # reading alone
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """For reading. Raises OSError if the object cannot be had."""
        if mode not in ("r", "rb"):
            raise OSError(30, "an object store is only read", str(self))
        raw = cast(io.RawIOBase, self.for_arrow())
        binary = io.BufferedReader(raw, READ_AHEAD)
        return binary if mode == "rb" else io.TextIOWrapper(binary, encoding, errors, newline)

    def for_arrow(self) -> pa.NativeFile:
        """The same as Arrow's own file, whose reads may jump. Raises OSError."""
        client, key = self._place()
        return client.open_input_file(key)


class _Said:
    """Turns what a client says into an InputError that names the place and the next step."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError | pa.ArrowException):
            raise InputError(
                f"the object store does not answer as it should: {first_line(error)}",
                where=self._where,
                next_step="Check the name, and the endpoint, region and credentials in the "
                "environment (docs/reading-logs.md).",
            ) from error


def parquet_source(path: Path) -> tuple[Path | pa.NativeFile, int]:
    """What pyarrow.parquet opens, and how many bytes it is to ask for at once."""
    return (path.for_arrow(), COLUMN_READ) if isinstance(path, Remote) else (path, 2**20)


def arrow_file(path: Path) -> pa.NativeFile:
    """The open file. Raises OSError."""
    return path.for_arrow() if isinstance(path, Remote) else pa.OSFile(str(path))
