"""In place of an OpenTelemetry collector with a file exporter: OTLP/HTTP in, OTLP JSON lines out.

One line per export request, in the JSON that the OTLP specification gives: protobuf's own mapping,
but trace and span ids in hexadecimal and enumerations as numbers.
"""

import base64
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {"/v1/traces": ExportTraceServiceRequest, "/v1/logs": ExportLogsServiceRequest}
IDS = ("traceId", "spanId", "parentSpanId")


@contextmanager
def file_exporter(file: Path) -> Iterator[str]:
    """Yields the endpoint, such as http://127.0.0.1:40001. Spans and log records go to one file."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self._body()
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            is_json = self.headers["Content-Type"] == "application/json"  # JavaScript's: as it is
            line = data.decode() if is_json else otlp_json(REQUESTS[self.path].FromString(data))
            with lock, file.open("a", encoding="utf-8") as out:
                out.write(line + "\n")
            self.send_response(200)
            self.send_header("Content-Type", self.headers["Content-Type"])
            self.send_header("Content-Length", "2" if is_json else "0")
            self.end_headers()
            self.wfile.write(b"{}" if is_json else b"")

        def _body(self) -> bytes:
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def log_message(self, *_: object) -> None:
            """Nothing: the tests' output is for failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def otlp_json(request: Any) -> str:
    """An export request as OTLP JSON, on one line."""
    return json.dumps(_hexadecimal(MessageToDict(request, use_integers_for_enums=True)))


def _hexadecimal(value: Any) -> Any:
    if isinstance(value, list):
        return [_hexadecimal(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in IDS else _hexadecimal(item)
        for key, item in value.items()
    }
