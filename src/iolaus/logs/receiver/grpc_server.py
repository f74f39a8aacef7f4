"""OTLP/gRPC: TraceService and LogsService, as opentelemetry-proto defines them.

Messages are taken as bytes, so that what cannot be decoded is answered by us: INVALID_ARGUMENT, not
gRPC's own INTERNAL. gzip is gRPC's. `maximum_concurrent_rpcs` is not used: it answers
RESOURCE_EXHAUSTED, upon which exporters drop the data.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from iolaus.core.errors import ConfigError
from iolaus.logs.receiver.accept import LOGS, TRACES, Acceptor
from iolaus.logs.receiver.answers import MAX_BODY, Accepted, Busy, Invalid, TooLarge

THREADS: Final = 16  # they mostly wait for the disk together (spool.py)
SERVICES: Final = {
    TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
}
CODES: Final = {
    Busy: grpc.StatusCode.UNAVAILABLE,
    Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class GrpcServer:
    """Listens once made; answers once started."""

    def __init__(self, acceptor: Acceptor, address: str) -> None:
        """address: HOST:PORT; port 0 takes a free one. Raises ConfigError if it cannot be had."""
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="otlp-grpc")
        # Twice what is accepted: up to there it is we who refuse, and count.
        options = [("grpc.max_receive_message_length", 2 * MAX_BODY), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(self._pool, options=options)
        self._server.add_generic_rpc_handlers(tuple(_service(acceptor, s) for s in SERVICES))
        try:
            self.port = int(self._server.add_insecure_port(address))
        except RuntimeError as error:
            raise ConfigError(
                f"cannot listen on {address}.",
                next_step="Is another receiver running? Give a free HOST:PORT to --grpc.",
            ) from error

    def start(self) -> None:
        """Answer from now on."""
        self._server.start()

    def stop(self, grace: float) -> None:
        """Take nothing more; finish what has begun, for at most `grace` seconds."""
        self._server.stop(grace).wait(grace + 1)
        self._pool.shutdown(wait=False, cancel_futures=True)


def _service(acceptor: Acceptor, signal: str) -> Any:
    method = grpc.unary_unary_rpc_method_handler(_export(acceptor, signal))
    return grpc.method_handlers_generic_handler(SERVICES[signal], {"Export": method})


def _export(acceptor: Acceptor, signal: str) -> Callable[[bytes, Any], bytes]:
    def export(data: bytes, context: Any) -> bytes:
        try:
            with acceptor.gate.holding(len(data)):
                answer = serialised(signal, acceptor.protobuf(signal, data))
            acceptor.count("accepted")
            return answer
        except (Busy, Invalid, TooLarge) as error:
            acceptor.count(error.outcome)
            context.abort(CODES[type(error)], str(error))
            raise  # abort has raised already

    return export


def serialised(signal: str, accepted: Accepted) -> bytes:
    """The export response in protobuf."""
    return bytes(_response(signal, accepted).SerializeToString())


def _response(signal: str, accepted: Accepted) -> Any:
    """The export response; `partial_success` only where something was rejected."""
    message = ExportTraceServiceResponse() if signal == TRACES else ExportLogsServiceResponse()
    if accepted.rejected:
        field = "rejected_spans" if signal == TRACES else "rejected_log_records"
        setattr(message.partial_success, field, accepted.rejected)
        message.partial_success.error_message = accepted.message
    return message
