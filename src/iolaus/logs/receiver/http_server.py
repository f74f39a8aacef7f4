"""OTLP/HTTP: POST /v1/traces and /v1/logs, protobuf or JSON, plain or gzip; GET /healthz.

Source: opentelemetry-proto, docs/specification.md, "OTLP/HTTP". Memory is bounded before a body is
read: by its announced length, or by MAX_BODY where it comes in chunks.
"""

import sys
import threading
import zlib
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_WR, socket
from typing import Any, Final

import orjson

from iolaus.core.errors import ConfigError
from iolaus.logs.receiver.accept import LOGS, TRACES, Acceptor
from iolaus.logs.receiver.answers import (
    MAX_BODY,
    RETRY_SECONDS,
    Accepted,
    Busy,
    Invalid,
    Refused,
    TooLarge,
)
from iolaus.logs.receiver.grpc_server import serialised

CONNECTIONS: Final = 128  # at once; each is a thread that mostly waits
SECONDS_TO_READ: Final = 30  # a sender that is slower than this is let go
PATHS: Final = {"/v1/traces": TRACES, "/v1/logs": LOGS}
PROTOBUF, JSON = "application/x-protobuf", "application/json"
REJECTED_FIELD: Final = {TRACES: "rejectedSpans", LOGS: "rejectedLogRecords"}
LINGER_SECONDS: Final = 2  # without a byte
LINGER_BYTES: Final = 64 * 2**20
LONGEST_CHUNK_LINE: Final = 1_024
MAX_TRAILERS: Final = 100
STATUSES: Final = {Busy: 503, Invalid: 400, TooLarge: 413}
TOO_MANY: Final = (
    f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_SECONDS}\r\n"
    "Content-Length: 0\r\nConnection: close\r\n\r\n"
).encode("ascii")


class Unsupported(Refused):
    """Neither protobuf nor JSON, or packed in another way than gzip."""

    outcome = "unsupported"


class HttpServer:
    """Listens once made; answers once started."""

    def __init__(self, acceptor: Acceptor, host: str, port: int) -> None:
        """port 0 takes a free one. Raises ConfigError if it cannot be had."""
        try:
            self._server = _Server((host, port), _handler(acceptor))
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host}:{port}: {error.strerror}.",
                next_step="Is another receiver running? Give a free HOST:PORT to --http.",
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="otlp-http", daemon=True
        )

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Take nothing more; finish what has begun, for at most `grace` seconds."""
        self._server.shutdown()
        self._server.server_close()
        self._server.idle.wait(grace)
        self._thread.join(grace)


class _Server(ThreadingHTTPServer):
    """With at most CONNECTIONS connections; further ones get 503 at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self._lock, self._exports = threading.Lock(), 0
        self.idle = threading.Event()
        self.idle.set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except (
                BaseException
            ):  # no thread is to be had: the connection is closed, its place free
                self._free.release()
                raise
            return
        with suppress(OSError):
            request.sendall(TOO_MANY)
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A sender that went away is no news: its export was not acknowledged."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def busy(self, by: int) -> None:
        """Count exports that are being answered, so that `stop` can wait for them."""
        with self._lock:
            self._exports += by
            self.idle.clear() if self._exports else self.idle.set()


def _handler(acceptor: Acceptor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "iolaus", ""
        timeout = SECONDS_TO_READ
        server: _Server

        def do_POST(self) -> None:
            signal = PATHS.get(self.path.partition("?")[0])
            if signal is None:
                self.close_connection = True  # its body is not read
                self._answer(404, _status(PROTOBUF, "send to /v1/traces or /v1/logs"), PROTOBUF)
                self._linger()
                return
            self.server.busy(1)
            try:
                self._export(signal)
            finally:
                self.server.busy(-1)

        def do_GET(self) -> None:
            if self.path != "/healthz":
                self._answer(404, b"", JSON)
                return
            self._answer(200, orjson.dumps(dict(sorted(acceptor.counts.items()))), JSON)

        def _export(self, signal: str) -> None:
            kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            shown = kind if kind in (PROTOBUF, JSON) else PROTOBUF
            try:
                if kind not in (PROTOBUF, JSON):
                    raise Unsupported(f"send {PROTOBUF} or {JSON}")
                size = _announced(self.headers)
                with acceptor.gate.holding(MAX_BODY if size is None else size):
                    data = self._unpacked(self._body(size))
                    take = acceptor.json if kind == JSON else acceptor.protobuf
                    accepted = take(signal, data)
                acceptor.count("accepted")
                self._answer(200, _success(signal, accepted, kind), kind)
            except Refused as error:
                self._refuse(error, shown)

        def _refuse(self, error: Refused, kind: str) -> None:
            acceptor.count(error.outcome)
            self.close_connection = True  # the body may not have been read
            status = STATUSES.get(type(error), 415)
            retry = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
            self._answer(status, _status(kind, str(error)), kind, **retry)
            self._linger()

        def _linger(self) -> None:
            """Take what is still being sent: closed at once, the sender would see no answer."""
            with suppress(OSError):
                self.connection.shutdown(SHUT_WR)
                self.connection.settimeout(LINGER_SECONDS)
                left = LINGER_BYTES
                while left > 0 and (data := self.rfile.read1(2**16)):
                    left -= len(data)

        def _body(self, size: int | None) -> bytes:
            data = self.rfile.read(size) if size is not None else self._chunks()
            if size is not None and len(data) != size:
                raise Invalid("the body ended early")
            return data

        def _chunks(self) -> bytes:
            """A body that comes in chunks, as JavaScript's exporters send it when they pack it."""
            parts, left = [], MAX_BODY
            while True:
                line = self.rfile.readline(LONGEST_CHUNK_LINE).partition(b";")[0].strip()
                if not line or line.strip(b"0123456789abcdefABCDEF") or len(line) > 8:
                    raise Invalid("a chunk's length cannot be read")
                size = int(line, 16)
                if size == 0:
                    break
                if (left := left - size) < 0:
                    raise TooLarge(f"more than {MAX_BODY:,} bytes")
                parts.append(self.rfile.read(size))
                self.rfile.readline(LONGEST_CHUNK_LINE)
            for _ in range(MAX_TRAILERS):
                if not self.rfile.readline(LONGEST_CHUNK_LINE).strip():
                    return b"".join(parts)
            raise Invalid("too many trailers")

        def _unpacked(self, data: bytes) -> bytes:
            packing = self.headers.get("Content-Encoding", "identity").strip().lower()
            if packing == "identity":
                return data
            if packing != "gzip":
                raise Unsupported("send it plain, or packed with gzip")
            return unpacked(data)

        def _answer(self, status: int, body: bytes, kind: str, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing a request: counts are in /healthz."""

    return Handler


def unpacked(data: bytes) -> bytes:
    """gzip -> bytes. Raises TooLarge past MAX_BODY (a zip bomb), Invalid if it is no gzip."""
    machine = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: a gzip header, no zlib one
    try:
        out = machine.decompress(data, MAX_BODY + 1)
    except zlib.error as error:
        raise Invalid("this is not gzip") from error
    if len(out) > MAX_BODY:
        raise TooLarge(f"more than {MAX_BODY:,} bytes unpacked")
    if not machine.eof:
        raise Invalid("the gzip data ended early")
    return out


def _announced(headers: Any) -> int | None:
    """Content-Length; None if the body comes in chunks."""
    if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
        return None
    text = headers.get("Content-Length", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Invalid("Content-Length is missing")
    if int(text) > MAX_BODY:
        raise TooLarge(f"more than {MAX_BODY:,} bytes")
    return int(text)


def _success(signal: str, accepted: Accepted, kind: str) -> bytes:
    if kind == PROTOBUF:
        return serialised(signal, accepted)
    if not accepted.rejected:
        return b"{}"
    told = {REJECTED_FIELD[signal]: str(accepted.rejected), "errorMessage": accepted.message}
    return orjson.dumps({"partialSuccess": told})


def _status(kind: str, message: str) -> bytes:
    """A google.rpc.Status with nothing but its message (field 2)."""
    if kind == JSON:
        return orjson.dumps({"message": message})
    data = message.encode("utf-8")[:127]  # whose length is one byte
    return bytes((0x12, len(data))) + data
