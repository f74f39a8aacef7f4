"""Instrumented official clients export to our receiver: what they sent is what the log holds.

Each runs in a process of its own, against a provider that speaks the real protocols (upstream.py).
"""

import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from iolaus.logs import open_log

WHY = "needs the extra iolaus[producers]"
for module in (
    "anthropic",
    "grpc",
    "openai",
    "opentelemetry.exporter.otlp",
    "opentelemetry.instrumentation.anthropic",
    "opentelemetry.instrumentation.openai",
    "opentelemetry.instrumentation.openai_v2",
):
    pytest.importorskip(module, reason=WHY)

from tests.producers.upstream import Upstream  # noqa: E402

from iolaus.logs.receiver import Address, Receiver  # noqa: E402

pytestmark = pytest.mark.slow
ANY = Address("127.0.0.1", 0)
OPENAI_STATUSES = Counter({200: 5, 429: 1, 500: 1})
ANTHROPIC_STATUSES = Counter({200: 3, 429: 1})
SECONDS = 120
ROOM = 2**30


def exported(
    log: Path, kind: str, protocol: str, content: str, *, backlog: int = ROOM
) -> tuple[int, int, list[dict[str, Any]]]:
    """Calls that the client made, requests that the provider got, rows that the log holds."""
    settings: Any = {"seal_seconds": 1.0, "backlog_bytes": backlog, "say": lambda text: None}
    with Upstream() as upstream, Receiver(log, grpc=ANY, http=ANY, **settings) as receiver:
        if backlog < ROOM:
            threading.Thread(target=make_room_once_busy, args=(receiver,), daemon=True).start()
        port = receiver.grpc if protocol == "grpc" else receiver.http
        endpoint = f"127.0.0.1:{port}" if protocol == "grpc" else f"http://127.0.0.1:{port}"
        arguments = [kind, protocol, endpoint, upstream.url, content]
        done = subprocess.run(
            [sys.executable, "-m", "tests.producers.instrumented", *arguments],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stderr
        arrived = len(upstream.requests)
    rows = pa.Table.from_batches(open_log(log).batches()).to_pylist()
    return int(done.stdout), arrived, rows


def make_room_once_busy(receiver: Receiver) -> None:
    """After the first export that was refused for want of room, there is room."""
    while not receiver.acceptor.counts["busy"]:
        time.sleep(0.05)
    receiver._spool._backlog_bytes = ROOM


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("content", ["none", "span", "events"])
def test_the_official_openai_client(protocol: str, content: str, tmp_path: Path) -> None:
    sent, arrived, rows = exported(tmp_path, "openai-v2", protocol, content)
    assert sent == arrived == len(rows) == 7
    assert Counter(row["status"] for row in rows) == OPENAI_STATUSES
    assert {row["account_id"] for row in rows} == {"acct-otel"}
    assert [row["choice_count"] for row in rows[:2]] == [1, 2]
    prompts = {row["prompt"] for row in rows}
    assert prompts == {None} if content == "none" else "What is the weather in Paris?" in prompts
    if content != "none":
        assert None not in prompts
        assert rows[0]["response"] == "You said: Name a river"
        assert rows[2]["response"] is None  # a tool call


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_what_was_refused_is_sent_again(protocol: str, tmp_path: Path) -> None:
    """OpenTelemetry's own exporters take our "busy" as it is meant, and nothing is lost."""
    sent, arrived, rows = exported(tmp_path, "openai-v2", protocol, "span", backlog=100)
    assert sent == arrived == len(rows) == 7


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_openllmetry_with_both_official_clients(protocol: str, tmp_path: Path) -> None:
    sent, arrived, rows = exported(tmp_path, "traceloop", protocol, "span")
    assert sent == arrived == len(rows) == 11
    by_model = {"gpt-4o-mini": OPENAI_STATUSES, "claude-sonnet-4-5": ANTHROPIC_STATUSES}
    for model, statuses in by_model.items():
        assert Counter(row["status"] for row in rows if row["model"] == model) == statuses
    assert sum(row["tool_count"] == 1 for row in rows) == 3
    assert sum(row["stream"] is True for row in rows) == 3
    assert {row["cached_input_tokens"] for row in rows if row["input_tokens"]} == {8}
