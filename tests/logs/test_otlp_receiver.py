"""The live receiver: what it answers, and that what it has acknowledged is in the log."""

import contextlib
import errno
import gzip
import http.client
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import otlp_requests as otlp
import pyarrow as pa
import pytest

from iolaus.core.errors import ConfigError, InputError
from iolaus.logs import durable, open_log

grpc = pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")
pytest.importorskip("opentelemetry.proto", reason="the receiver needs the extra iolaus[otlp]")

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (  # noqa: E402
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: E402
    ExportTraceServiceResponse,
)

from iolaus.logs.mapping import Rule  # noqa: E402
from iolaus.logs.receiver import Address, Receiver, spool  # noqa: E402
from iolaus.logs.receiver.answers import MAX_BODY, Busy  # noqa: E402
from iolaus.logs.receiver.seal import Sealer  # noqa: E402
from iolaus.logs.receiver.spool import Spool, frames, segments  # noqa: E402

ANY = Address("127.0.0.1", 0)
PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACE = "opentelemetry.proto.collector.trace.v1.TraceService"
LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"
Send = Callable[[Receiver, otlp.Json], tuple[int, str]]


@contextmanager
def receiving(log: Path, **changes: Any) -> Iterator[Receiver]:
    """A receiver on free ports; at its end everything is stored."""
    settings: dict[str, Any] = {
        "grpc": ANY,
        "http": ANY,
        "seal_seconds": 3_600.0,
        "backlog_bytes": 2**30,
        "say": lambda text: None,
    }
    with Receiver(log, **settings | changes) as receiver:
        yield receiver


def stored(log: Path) -> list[dict[str, Any]]:
    """All rows of the log that the receiver wrote."""
    return pa.Table.from_batches(open_log(log).batches()).to_pylist()


def post(
    receiver: Receiver, body: bytes, kind: str, path: str = "/v1/traces", **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """One HTTP request: status, body, headers."""
    connection = http.client.HTTPConnection("127.0.0.1", receiver.http or 0, timeout=20)
    shown = {"Content-Type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}
    connection.request("POST", path, body, shown)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data, answer.headers


def call(receiver: Receiver, data: bytes, service: str = TRACE, **options: Any) -> bytes:
    """One gRPC call."""
    with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc}") as channel:
        return bytes(channel.unary_unary(f"/{service}/Export")(data, timeout=20, **options))


def by_grpc(receiver: Receiver, request: otlp.Json) -> tuple[int, str]:
    service = TRACE if "resourceSpans" in request else LOGS
    data = call(receiver, otlp.protobuf(request), service, compression=grpc.Compression.Gzip)
    return partial(data, logs=service == LOGS)


def by_protobuf(receiver: Receiver, request: otlp.Json) -> tuple[int, str]:
    logs = "resourceLogs" in request
    body = gzip.compress(otlp.protobuf(request))
    path = "/v1/logs" if logs else "/v1/traces"
    status, data, headers = post(receiver, body, PROTOBUF, path, Content_Encoding="gzip")
    assert (status, headers["Content-Type"]) == (200, PROTOBUF)
    return partial(data, logs=logs)


def by_json(receiver: Receiver, request: otlp.Json) -> tuple[int, str]:
    path = "/v1/logs" if "resourceLogs" in request else "/v1/traces"
    status, data, headers = post(receiver, otlp.json(request), f"{JSON}; charset=utf-8", path)
    assert (status, headers["Content-Type"]) == (200, JSON)
    told = orjson.loads(data).get("partialSuccess", {})
    rejected = told.get("rejectedSpans", told.get("rejectedLogRecords", 0))
    return int(rejected), told.get("errorMessage", "")


def partial(data: bytes, *, logs: bool) -> tuple[int, str]:
    if logs:
        of_logs = ExportLogsServiceResponse.FromString(data).partial_success
        return of_logs.rejected_log_records, of_logs.error_message
    of_spans = ExportTraceServiceResponse.FromString(data).partial_success
    return of_spans.rejected_spans, of_spans.error_message


WAYS = pytest.mark.parametrize("send", [by_grpc, by_protobuf, by_json])


@WAYS
def test_every_way_in_gives_the_same_row(send: Send, tmp_path: Path) -> None:
    told = {
        "gen_ai__usage__input_tokens": 7,
        "gen_ai__request__temperature": 0.5,
        "gen_ai__request__stream": True,
        "gen_ai__input__messages": '[{"role": "user", "content": "Hi"}]',
    }
    with receiving(tmp_path) as receiver:
        answer = send(receiver, otlp.spans(otlp.span(**told), resource={"user.id": "b"}))
    assert answer == (0, "")
    (row,) = stored(tmp_path)
    assert row["exchange_id"] == f"{1:032x}-{1:016x}"
    assert (row["account_id"], row["model"], row["prompt"]) == ("a", "m", "Hi")
    assert (row["input_tokens"], row["temperature"], row["stream"]) == (7, 0.5, True)
    assert row["ts"].isoformat() == "2026-05-28T20:26:40.123456+00:00"


@WAYS
def test_what_can_be_no_row_is_told_and_kept_apart(send: Send, tmp_path: Path) -> None:
    bad = otlp.span(2, enduser__id=None)
    with receiving(tmp_path) as receiver:
        rejected, why = send(receiver, otlp.spans(otlp.span(1), bad))
    assert rejected == 1
    assert "missing account_id: 1" in why
    assert len(stored(tmp_path)) == 1
    counts = Sealer(tmp_path, tmp_path / ".receive").counts()
    assert counts["rejected: missing account_id"] == 1
    (rejects,) = (tmp_path / "rejects").glob("*.parquet")
    assert pa.parquet.read_table(rejects)["cause"].to_pylist() == ["missing account_id"]


@WAYS
def test_spans_that_are_no_calls_are_no_failure_of_the_sender(send: Send, tmp_path: Path) -> None:
    tool = otlp.span(2, gen_ai__operation__name="execute_tool")
    with receiving(tmp_path) as receiver:
        assert send(receiver, otlp.spans(otlp.span(1), tool)) == (0, "")
    assert Sealer(tmp_path, tmp_path / ".receive").counts()["ignored"] == 1


@WAYS
def test_an_empty_export_is_a_success(send: Send, tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        assert send(receiver, otlp.spans()) == (0, "")
        assert send(receiver, otlp.records()) == (0, "")
    assert not (tmp_path / "exchanges").exists()


@WAYS
def test_messages_find_their_span_whatever_comes_first(send: Send, tmp_path: Path) -> None:
    asked = otlp.message(1, "gen_ai.user.message", "first")
    other = otlp.message(2, "gen_ai.user.message", "second")
    with receiving(tmp_path) as receiver:
        send(receiver, otlp.records(asked))
        send(receiver, otlp.spans(otlp.span(1), otlp.span(2)))
        send(receiver, otlp.records(other))
    assert [row["prompt"] for row in stored(tmp_path)] == ["first", "second"]


def test_messages_of_the_next_segment_are_waited_for_once(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        by_json(receiver, otlp.records(otlp.message(1, "gen_ai.user.message", "one")))
        by_json(receiver, otlp.spans(otlp.span(1), otlp.span(2), otlp.span(3)))
        seal(receiver)
        assert [row["prompt"] for row in stored(tmp_path)] == ["one"]
        by_json(receiver, otlp.records(otlp.message(2, "gen_ai.user.message", "two")))
        seal(receiver)
        prompts = {row["exchange_id"][-1]: row["prompt"] for row in stored(tmp_path)}
        assert prompts == {"1": "one", "2": "two", "3": None}
        by_json(receiver, otlp.records(otlp.message(3, "gen_ai.user.message", "late")))
    assert len(stored(tmp_path)) == 3
    assert Sealer(tmp_path, tmp_path / ".receive").counts()["ignored"] == 1


def seal(receiver: Receiver) -> None:
    """Seal the open segment now, as the receiver's own thread does when it is old."""
    receiver._spool.close_segment()
    receiver._seal_closed()


def test_without_message_events_nothing_waits(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        by_json(receiver, otlp.spans(otlp.span(1)))
        seal(receiver)
        assert len(stored(tmp_path)) == 1


def test_an_export_that_is_sent_again_adds_nothing(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        for _ in range(3):
            by_json(receiver, otlp.spans(otlp.span(1), otlp.span(2)))
    assert len(stored(tmp_path)) == 2
    assert Sealer(tmp_path, tmp_path / ".receive").counts()["merged"] == 4


def test_rows_land_in_their_own_day(tmp_path: Path) -> None:
    late = otlp.span(2) | {"startTimeUnixNano": "1779999999000000000"}  # the day is the same
    old = otlp.span(3) | {"startTimeUnixNano": "1770000000000000000"}
    with receiving(tmp_path) as receiver:
        by_json(receiver, otlp.spans(otlp.span(1), late, old))
    days = {path.parent.name for path in (tmp_path / "exchanges").rglob("*.parquet")}
    assert days == {"day=2026-05-28", "day=2026-02-02"}
    assert len(stored(tmp_path)) == 3


def test_identity_of_the_users_choice(tmp_path: Path) -> None:
    rules = {"account_id": Rule("account_id", ("customer.id",))}
    with receiving(tmp_path, rules=rules) as receiver:
        by_grpc(receiver, otlp.spans(otlp.span(customer__id="c")))
    assert stored(tmp_path)[0]["account_id"] == "c"


# --- refusals -----------------------------------------------------------------------------------


def test_what_is_no_otlp_is_never_to_be_sent_again(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        with pytest.raises(grpc.RpcError) as failed:
            call(receiver, b"\xff\xff not protobuf")
        assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        for body, kind in (
            (b"\xff\xff", PROTOBUF),
            (b"{", JSON),
            (b"[]", JSON),
            (b'{"resourceSpans": 1}', JSON),
        ):
            status, data, _ = post(receiver, body, kind)
            assert status == 400
            told = orjson.loads(data)["message"] if kind == JSON else data[2:].decode()
            assert told.startswith("this is no")
        assert receiver.acceptor.counts["invalid"] == 5


def test_requests_that_are_too_large(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(MAX_BODY + 1))
    assert len(bomb) < 30_000
    with receiving(tmp_path) as receiver:
        assert post(receiver, bomb, PROTOBUF, Content_Encoding="gzip")[0] == 413
        assert announce(receiver, MAX_BODY + 1) == 413
        assert post(receiver, bytes(MAX_BODY + 1), PROTOBUF)[0] == 413  # though all of it is sent
        for size in (MAX_BODY + 1, 2 * MAX_BODY + 1):
            with pytest.raises(grpc.RpcError) as failed:
                call(receiver, bytes(size))
            assert failed.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert receiver.acceptor.counts["too large"] == 4  # gRPC itself refuses the largest
        assert by_json(receiver, otlp.spans(otlp.span())) == (0, "")  # it lives


def announce(receiver: Receiver, size: int) -> int:
    """Only say how long the body will be; the answer comes before any of it."""
    connection = http.client.HTTPConnection("127.0.0.1", receiver.http or 0, timeout=20)
    connection.putrequest("POST", "/v1/traces")
    connection.putheader("Content-Type", PROTOBUF)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_other_requests_get_the_answers_of_http(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        assert post(receiver, b"{}", "text/plain")[0] == 415
        assert post(receiver, b"{}", JSON, Content_Encoding="br")[0] == 415
        assert post(receiver, b"no gzip", JSON, Content_Encoding="gzip")[0] == 400
        assert post(receiver, gzip.compress(b"{}")[:-9], JSON, Content_Encoding="gzip")[0] == 400
        assert receiver.acceptor.counts == {"unsupported": 2, "invalid": 2}
        assert post(receiver, b"{}", JSON, path="/v1/metrics")[0] == 404
        with pytest.raises(grpc.RpcError) as failed:
            call(receiver, b"", "opentelemetry.proto.collector.metrics.v1.MetricsService")
        assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_bodies_in_chunks(tmp_path: Path) -> None:
    body = otlp.json(otlp.spans(otlp.span()))
    with receiving(tmp_path) as receiver:
        connection = http.client.HTTPConnection("127.0.0.1", receiver.http or 0, timeout=20)
        pieces = iter([body[:100], body[100:]])
        connection.request(
            "POST", "/v1/traces", pieces, {"Content-Type": JSON}, encode_chunked=True
        )
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"{}")
        connection.close()
    assert len(stored(tmp_path)) == 1


@pytest.mark.parametrize("size", [b"zz", b"-5", b"fffffff0", b"", b"99999999999"])
def test_chunks_whose_length_is_a_lie(size: bytes, tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        connection = http.client.HTTPConnection("127.0.0.1", receiver.http or 0, timeout=20)
        connection.putrequest("POST", "/v1/traces")
        connection.putheader("Content-Type", JSON)
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        connection.send(size + b"\r\n{}\r\n")
        assert connection.getresponse().status in (400, 413)
        connection.close()


@WAYS
def test_back_pressure_asks_to_send_it_again(send: Send, tmp_path: Path) -> None:
    with receiving(tmp_path, backlog_bytes=100) as receiver:
        request = otlp.spans(otlp.span())
        if send is by_grpc:
            with pytest.raises(grpc.RpcError) as failed:
                send(receiver, request)
            assert failed.value.code() == grpc.StatusCode.UNAVAILABLE
        else:
            body, kind = (
                (otlp.json(request), JSON)
                if send is by_json
                else (otlp.protobuf(request), PROTOBUF)
            )
            status, _, headers = post(receiver, body, kind)
            assert status == 503
            assert int(headers["Retry-After"]) > 0
        assert receiver.acceptor.counts["busy"] == 1
    assert not (tmp_path / "exchanges").exists()


def test_bodies_in_memory_are_bounded(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver, receiver.acceptor.gate.holding(128 * 2**20 - 10):
        assert announce(receiver, 1_000) == 503
        with pytest.raises(grpc.RpcError) as failed:
            call(receiver, otlp.protobuf(otlp.spans(otlp.span())))
        assert failed.value.code() == grpc.StatusCode.UNAVAILABLE


def test_connections_that_say_nothing_do_not_pile_up(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("iolaus.logs.receiver.http_server.CONNECTIONS", 2)
    with receiving(tmp_path) as receiver, contextlib.ExitStack() as held:
        address = ("127.0.0.1", receiver.http or 0)
        for _ in range(2):
            held.enter_context(socket.create_connection(address, timeout=20))
        with socket.create_connection(address, timeout=20) as third:
            assert third.recv(1_000).startswith(b"HTTP/1.1 503 ")
        by_grpc(receiver, otlp.spans(otlp.span()))  # the other way in is open
    assert len(stored(tmp_path)) == 1


def test_a_connection_that_gets_no_thread_leaves_its_place(
    tmp_path: Path, monkeypatch: Any
) -> None:
    real, tries = socketserver.ThreadingMixIn.process_request, list[int]()

    def none_at_first(self: Any, request: Any, address: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("can't start new thread")
        real(self, request, address)

    monkeypatch.setattr(socketserver.ThreadingMixIn, "process_request", none_at_first)
    monkeypatch.setattr("iolaus.logs.receiver.http_server.CONNECTIONS", 1)
    with receiving(tmp_path) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.http or 0), timeout=20) as raw:
            assert raw.recv(100) == b""  # closed, and nothing is said
        by_json(receiver, otlp.spans(otlp.span(1)))
    assert len(stored(tmp_path)) == 1


def test_a_full_disk_refuses_and_later_accepts(tmp_path: Path, monkeypatch: Any) -> None:
    real = os.fsync
    full = threading.Event()

    def fsync(descriptor: int) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with receiving(tmp_path) as receiver:
        by_json(receiver, otlp.spans(otlp.span(1)))
        full.set()
        assert post(receiver, otlp.json(otlp.spans(otlp.span(2))), JSON)[0] == 503
        full.clear()
        by_json(receiver, otlp.spans(otlp.span(2)))
    assert [row["exchange_id"][-1] for row in stored(tmp_path)] == ["1", "2"]


def test_one_receiver_a_log(tmp_path: Path) -> None:
    with receiving(tmp_path), pytest.raises(InputError, match="another receiver"):
        Receiver(
            tmp_path, grpc=None, http=ANY, seal_seconds=1.0, backlog_bytes=1, say=lambda text: None
        )


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with receiving(tmp_path / "a") as first:
        for taken in (
            {"http": Address("127.0.0.1", first.http or 0)},
            {"grpc": Address("127.0.0.1", first.grpc or 0)},
        ):
            with pytest.raises(ConfigError, match="cannot listen"):
                receiving(tmp_path / "b", **taken).__enter__()
        with receiving(tmp_path / "b"):
            pass  # and the log is not left locked


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\xff\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",  # gRPC on the wrong port
        b"POST /v1/traces HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"POST /v1/traces HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 9\r\n\r\n{}",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request(data: bytes, tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.http or 0), timeout=20) as raw:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                answer = b"".join(iter(lambda: raw.recv(65_536), b""))
                assert b" 200 " not in answer.partition(b"\r\n")[0]
        assert by_json(receiver, otlp.spans(otlp.span())) == (0, "")  # it lives


# --- what a kill leaves -------------------------------------------------------------------------


def spooled(log: Path, *several: otlp.Json) -> Path:
    """Export requests accepted and not yet sealed when the process dies; returns the spool."""
    from iolaus.logs.receiver.accept import TRACES, Acceptor

    folder = log / ".receive"
    store = Spool(folder, first=1, segment_bytes=2**20, backlog_bytes=2**30)
    for request in several:
        Acceptor(store).json(TRACES, otlp.json(request))
    store.close_segment()  # the death of a process closes its files
    return folder


def test_what_was_accepted_is_stored_at_the_next_start(tmp_path: Path) -> None:
    spooled(tmp_path, otlp.spans(otlp.span(1)), otlp.spans(otlp.span(2)))
    said: list[str] = []
    with receiving(tmp_path, say=said.append):
        assert len(stored(tmp_path)) == 2
    assert "earlier run" in said[0]


def test_half_written_files_of_a_kill_are_removed(tmp_path: Path) -> None:
    half = tmp_path / "exchanges" / "day=2026-05-28" / ".otlp-000000000001.parquet.77.tmp"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"PAR1")
    with receiving(tmp_path):
        assert not half.exists()


def test_what_cannot_be_sealed_is_said_and_tried_again(tmp_path: Path, monkeypatch: Any) -> None:
    real = Sealer.seal
    tries: list[int] = []

    def seal_at_last(self: Sealer, segment: Path, *, last: bool = False) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("not yet")
        return real(self, segment, last=last)

    monkeypatch.setattr(Sealer, "seal", seal_at_last)
    monkeypatch.setattr("iolaus.logs.receiver.run.LOOK_SECONDS", 0.02)
    said: list[str] = []
    with receiving(tmp_path, seal_seconds=0.02, say=said.append) as receiver:
        by_json(receiver, otlp.spans(otlp.span(1)))
        while len(tries) < 3:
            threading.Event().wait(0.02)
    assert len(stored(tmp_path)) == 1
    assert said == ["cannot store yet, and try again: not yet"]  # once, not at every look


@pytest.mark.parametrize("cut", [1, 10, 17, 200])
def test_a_frame_cut_off_by_a_kill_is_passed_over(cut: int, tmp_path: Path) -> None:
    folder = spooled(tmp_path, otlp.spans(otlp.span(1)), otlp.spans(otlp.span(2)))
    (segment,) = segments(folder)
    segment.write_bytes(segment.read_bytes()[:-cut])
    with receiving(tmp_path):
        assert len(stored(tmp_path)) == 1
    assert not list(folder.glob("*.damaged"))


def test_a_damaged_segment_is_kept(tmp_path: Path) -> None:
    folder = spooled(tmp_path, otlp.spans(otlp.span(1)), otlp.spans(otlp.span(2)))
    (segment,) = segments(folder)
    data = bytearray(segment.read_bytes())
    data[-20] ^= 1
    segment.write_bytes(bytes(data))
    with receiving(tmp_path):
        assert len(stored(tmp_path)) == 1
    assert len(list(folder.glob("*.damaged"))) == 1


@pytest.mark.parametrize("step", range(21))
def test_killed_while_sealing_it_ends_the_same(step: int, tmp_path: Path, monkeypatch: Any) -> None:
    """Dies before the n-th change on disk that outlives it: fsyncs of folders, renames, unlinks."""
    day_before = otlp.span(3) | {"startTimeUnixNano": "1770000000000000000"}
    requests = [otlp.spans(otlp.span(1), otlp.span(2, enduser__id=None), day_before)]
    folder = spooled(tmp_path, *requests)
    (segment,) = segments(folder)
    left = step

    def dies(real: Any) -> Any:
        def wrapped(*args: Any, **options: Any) -> Any:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return real(*args, **options)

        return wrapped

    with monkeypatch.context() as patch:
        synced = dies(durable.sync_folder)
        patch.setattr("iolaus.logs.receiver.seal.sync_folder", synced)
        patch.setattr(durable, "sync_folder", synced)
        patch.setattr(Path, "replace", dies(Path.replace))
        patch.setattr(Path, "unlink", dies(Path.unlink))
        with pytest.raises(KeyboardInterrupt):
            Sealer(tmp_path, folder).seal(segment)
    with receiving(tmp_path):
        pass
    assert sorted(row["exchange_id"][-1] for row in stored(tmp_path)) == ["1", "3"]
    counts = Sealer(tmp_path, folder).counts()
    assert (counts["stored"], counts["rejected: missing account_id"]) == (2, 1)


def test_many_threads_share_the_disk(tmp_path: Path) -> None:
    store = Spool(tmp_path, first=1, segment_bytes=2**20, backlog_bytes=2**30)
    sent = [f"{n}".encode() for n in range(400)]

    def append(some: list[bytes]) -> None:
        for data in some:
            store.append(data)

    threads = [threading.Thread(target=append, args=(sent[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close_segment()
    (segment,) = segments(tmp_path)
    assert sorted(frames(segment)) == sorted(sent)


def test_the_backlog_is_bounded_and_shrinks_when_sealed(tmp_path: Path) -> None:
    store = Spool(tmp_path, first=1, segment_bytes=2**20, backlog_bytes=1_000)
    store.append(bytes(600))
    with pytest.raises(Busy):
        store.append(bytes(600))
    store.close_segment()
    (segment,) = store.closed()
    store.sealed(segment.stat().st_size)
    segment.unlink()
    store.append(bytes(600))
    store.close_segment()


def test_a_segment_that_opens_while_the_closed_are_listed_is_not_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Spool(tmp_path, first=1, segment_bytes=2**20, backlog_bytes=2**30)
    store.append(b"closed")
    store.close_segment()

    def opened_just_now(folder: Path) -> list[Path]:
        store.append(b"open")
        return segments(folder)

    monkeypatch.setattr(spool, "segments", opened_just_now)
    (closed,) = store.closed()
    assert list(frames(closed)) == [b"closed"]
    store.close_segment()


def test_a_last_sealing_that_was_killed_leaves_no_row_twice(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """At the end nothing waits for its texts; at the next start it may again."""
    folder = spooled(tmp_path, otlp.spans(otlp.span(1)), otlp.spans(otlp.span(2, prompt="p")))
    from iolaus.logs.receiver.accept import LOGS, Acceptor

    more = Spool(folder, first=2, segment_bytes=2**20, backlog_bytes=2**30)
    Acceptor(more).json(LOGS, otlp.json(otlp.records(otlp.message(9, "gen_ai.user.message", "x"))))
    Acceptor(more).json("traces", otlp.json(otlp.spans(otlp.span(3))))
    more.close_segment()
    one, two = segments(folder)
    Sealer(tmp_path, folder).seal(one)
    with monkeypatch.context() as patch:
        patch.setattr(Sealer, "_count", _killed)
        with pytest.raises(KeyboardInterrupt):
            Sealer(tmp_path, folder).seal(two, last=True)
    with receiving(tmp_path):
        pass
    assert sorted(row["exchange_id"][-1] for row in stored(tmp_path)) == ["1", "2", "3"]
    assert Sealer(tmp_path, folder).counts()["stored"] == 3


def _killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_disk_that_is_full_while_a_segment_is_closed_does_not_end_the_sealing(
    tmp_path: Path, monkeypatch: Any
) -> None:
    real, tries = Spool.close_segment, list[int]()

    def full_at_first(self: Spool, *, even_empty: bool = False) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, even_empty=even_empty)

    monkeypatch.setattr(Spool, "close_segment", full_at_first)
    monkeypatch.setattr("iolaus.logs.receiver.run.LOOK_SECONDS", 0.02)
    sealed = threading.Event()
    real_sealed = Spool.sealed
    monkeypatch.setattr(Spool, "sealed", lambda s, n: (real_sealed(s, n), sealed.set()))
    said: list[str] = []
    with receiving(tmp_path, seal_seconds=0.02, say=said.append) as receiver:
        by_json(receiver, otlp.spans(otlp.span(1)))
        assert sealed.wait(30)
    assert len(stored(tmp_path)) == 1
    assert len(said) == 1 and "No space left on device" in said[0]


def test_after_its_end_nothing_more_is_accepted(tmp_path: Path) -> None:
    """A sender's thread may outlive the servers' grace; the next receiver's files are not its."""
    with receiving(tmp_path) as receiver:
        by_json(receiver, otlp.spans(otlp.span(1)))
    with pytest.raises(Busy, match="stopping"):
        receiver.acceptor.json("traces", otlp.json(otlp.spans(otlp.span(2))))
    assert segments(tmp_path / ".receive") == []


def test_whatever_fails_while_frames_are_written_refuses_them_and_lets_others_in(
    tmp_path: Path, monkeypatch: Any
) -> None:
    store = Spool(tmp_path, first=1, segment_bytes=2**20, backlog_bytes=2**30)
    with monkeypatch.context() as patch:
        patch.setattr(spool, "_frame", lambda data: bytes(2**62))  # MemoryError
        with pytest.raises(Busy, match="does not take it"):
            store.append(b"1")
    store.append(b"2")
    store.close_segment()
    assert [data for path in segments(tmp_path) for data in frames(path)] == [b"2"]
