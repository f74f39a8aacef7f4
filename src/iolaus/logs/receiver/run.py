"""The whole receiver: one lock, one spool, two servers, and a thread that seals."""

import fcntl
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from iolaus.core.errors import InputError
from iolaus.logs.mapping import Rule
from iolaus.logs.receiver.accept import Acceptor
from iolaus.logs.receiver.grpc_server import GrpcServer
from iolaus.logs.receiver.http_server import HttpServer
from iolaus.logs.receiver.seal import Sealer
from iolaus.logs.receiver.spool import Spool, segments

FOLDER: Final = ".receive"  # inside the log; names that start with a dot are no part of it
SEGMENT_BYTES: Final = 32 * 2**20  # of JSON; sealing one takes about 5 times that in memory
LOOK_SECONDS: Final = 0.5  # between looks at whether a segment is full
GRACE_SECONDS: Final = 10.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Address:
    """Where to listen. Port 0 takes a free one."""

    host: str
    port: int


class Receiver:
    """Receives into a log directory between `with` and its end. Attributes grpc, http: its ports.

    What a former run left in the spool is sealed first. At the end everything is stored.
    """

    def __init__(
        self,
        log: Path,
        *,
        grpc: Address | None,
        http: Address | None,
        rules: Mapping[str, Rule] | None = None,
        seal_seconds: float,
        backlog_bytes: int,
        say: Say,
    ) -> None:
        """seal_seconds: rows show up in LOG/exchanges after at most about twice that.

        backlog_bytes: of accepted data that waits to be stored, before exporters are told to wait.
        """
        self._folder = log / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self._folder / "lock")
        self._say, self._seal_seconds = say, seal_seconds
        self._sealer = Sealer(log, self._folder)
        self._stop = threading.Event()
        self._grpc: GrpcServer | None = None
        self._http: HttpServer | None = None
        try:
            self._open(grpc, http, rules, backlog_bytes)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(
        self,
        grpc: Address | None,
        http: Address | None,
        rules: Mapping[str, Rule] | None,
        backlog_bytes: int,
    ) -> None:
        self._recover()
        first = self._sealer.counts().get("sealed", 0) + 1
        self._spool = Spool(
            self._folder, first=first, segment_bytes=SEGMENT_BYTES, backlog_bytes=backlog_bytes
        )
        self.acceptor = Acceptor(self._spool, rules)
        if grpc is not None:
            self._grpc = GrpcServer(self.acceptor, f"{grpc.host}:{grpc.port}")
        if http is not None:
            self._http = HttpServer(self.acceptor, http.host, http.port)
        self._thread = threading.Thread(target=self._seal_loop, name="otlp-seal")

    @property
    def grpc(self) -> int | None:
        return self._grpc.port if self._grpc else None

    @property
    def http(self) -> int | None:
        return self._http.port if self._http else None

    def counts(self) -> dict[str, int]:
        """Of the log: stored, ignored, merged, rejected by cause (seal.py)."""
        return self._sealer.counts()

    def __enter__(self) -> Self:
        self._thread.start()
        for server in (self._grpc, self._http):
            if server is not None:
                server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in (self._grpc, self._http):
            if server is not None:
                server.stop(GRACE_SECONDS)
        self._stop.set()
        self._thread.join()
        try:
            self._spool.end()  # a sender's thread may outlive the servers' grace
            self._spool.close_segment(even_empty=self._sealer.has_carried())
            self._seal_closed(last=True)
        finally:
            os.close(self._lock)

    def _recover(self) -> None:
        self._sealer.clean()
        left = segments(self._folder)
        for segment in left:
            self._sealer.seal(segment)
        if left:
            self._say(f"stored what an earlier run had accepted ({len(left)} segments)")

    def _seal_loop(self) -> None:
        """Closes the segment that is full or old, and seals what is closed."""
        waited, trouble = 0.0, ""
        while not self._stop.wait(LOOK_SECONDS):
            waited += LOOK_SECONDS
            try:
                if waited >= self._seal_seconds or self._spool.is_full:
                    self._spool.close_segment(even_empty=self._sealer.has_carried())
                    waited = 0.0
                self._seal_closed()
                trouble = ""
            except Exception as error:  # a full disk, say; the spool keeps the data
                if str(error) != trouble:
                    self._say(f"cannot store yet, and try again: {error}")
                trouble = str(error)

    def _seal_closed(self, *, last: bool = False) -> None:
        closed = self._spool.closed()
        for segment in closed:
            size = self._sealer.seal(segment, last=last and segment is closed[-1])
            self._spool.sealed(size)


def _locked(path: Path) -> int:
    """Holds the file's lock until it is closed; a killed process lets go of it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise InputError(
            "another receiver writes into this log.",
            where=str(path.parent.parent),
            next_step="Stop it, or give each receiver a log of its own.",
        ) from error
    return descriptor
