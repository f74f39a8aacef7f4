"""kill -9 in the middle of a stream of exports: what was acknowledged is in the log afterwards."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import otlp_requests as otlp
import pyarrow as pa
import pytest

from iolaus.logs import open_log

grpc = pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
A_SPAN_EACH = 3
SENDERS = 4
START_SECONDS = 60


@contextmanager
def receiver(log: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`iolaus receive` in its own process, and the address of its gRPC server."""
    command = "from iolaus.app.cli import main; main()"
    arguments = ["receive", "--to", str(log), "--grpc", "127.0.0.1:0", "--http", "off"]
    process = subprocess.Popen(
        [sys.executable, "-c", command, *arguments, "--seal-every", "1s"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        yield process, _address(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"listening on (\S+)", line):
            return found[1]
    raise AssertionError("the receiver did not start")


def send(address: str, acknowledged: set[int], sender: int, stop: threading.Event) -> None:
    """Exports of three spans each, until told to stop or the receiver is gone."""
    number = sender * 1_000_000
    with grpc.insecure_channel(address) as channel:
        export = channel.unary_unary(EXPORT)
        while not stop.is_set():
            numbers = range(number + 1, number + 1 + A_SPAN_EACH)
            try:
                export(otlp.protobuf(otlp.spans(*map(otlp.span, numbers))), timeout=10)
            except grpc.RpcError:
                return
            acknowledged.update(numbers)
            number += A_SPAN_EACH


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.6, 1.7])
def test_kill_9_loses_nothing_that_was_acknowledged(seconds: float, tmp_path: Path) -> None:
    acknowledged: set[int] = set()
    stop = threading.Event()
    with receiver(tmp_path) as (process, address):
        threads = [
            threading.Thread(target=send, args=(address, acknowledged, n, stop))
            for n in range(SENDERS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
    assert acknowledged
    with receiver(tmp_path) as (process, _):
        process.terminate()
        process.wait(timeout=START_SECONDS)
        assert process.returncode == 0
    table = pa.Table.from_batches(open_log(tmp_path).batches(["exchange_id"]))
    ids = table["exchange_id"].to_pylist()
    found = {int(name.partition("-")[0], 16) for name in ids}
    assert acknowledged <= found
    assert len(ids) == len(found)  # and nothing twice
