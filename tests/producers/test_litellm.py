"""A real LiteLLM proxy before the fake provider: what the clients sent is what both its logs hold.

Its StandardLoggingPayloads go to a file through a custom callback, and its own OpenTelemetry
callback exports to our receiver.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from iolaus.logs import open_log

WHY = "needs the extra iolaus[producers]"
for module in ("anthropic", "fastapi", "grpc", "litellm", "openai"):
    pytest.importorskip(module, reason=WHY)

from tests.producers.litellm_proxy import litellm_proxy  # noqa: E402
from tests.producers.record import lines_of, through_litellm  # noqa: E402
from tests.producers.upstream import Upstream  # noqa: E402

from iolaus.logs.receiver import Address, Receiver  # noqa: E402

pytestmark = pytest.mark.slow
ACCOUNTS = Counter({"acct1": 7, "acct2": 7, "acct3": 4})
STATUSES = Counter({200: 13, 429: 3, 500: 2})


class Run(NamedTuple):
    """sent: calls. arrived: requests at the provider. payloads, spans: the two logs."""

    sent: int
    arrived: int
    payloads: Path
    spans: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One start of the proxy for all tests: it takes 10 to 60 seconds."""
    folder = tmp_path_factory.mktemp("litellm")
    settings: Any = {"seal_seconds": 1.0, "backlog_bytes": 2**30, "say": lambda text: None}
    any_port = Address("127.0.0.1", 0)
    with (
        Upstream() as upstream,
        Receiver(folder / "spans", grpc=any_port, http=None, **settings) as receiver,
    ):
        otlp = f"http://127.0.0.1:{receiver.grpc}"
        with litellm_proxy(folder / "proxy", upstream.url, otlp=otlp) as url:
            sent = through_litellm(url)
            recorded = folder / "proxy" / "payloads.jsonl"
            lines_of(recorded, sent)
        arrived = len(upstream.requests)
    exchanges = folder / "payloads" / "exchanges"
    exchanges.mkdir(parents=True)
    copyfile(recorded, exchanges / "payloads.jsonl")
    yield Run(sent, arrived, folder / "payloads", folder / "spans")


def rows_of(log: Path) -> list[dict[str, Any]]:
    return pa.Table.from_batches(open_log(log).batches()).to_pylist()


def test_every_call_went_through(run: Run) -> None:
    assert run.sent == run.arrived == 18


def test_every_payload_is_a_row(run: Run) -> None:
    assert open_log(run.payloads).formats == {"litellm": 1}
    rows = rows_of(run.payloads)
    assert len(rows) == run.sent
    assert Counter(row["account_id"] for row in rows) == ACCOUNTS
    assert Counter(row["status"] for row in rows) == STATUSES
    assert "Name a river" in {row["prompt"] for row in rows}
    assert sum(row["stream"] is True for row in rows) == 5
    assert sum(row["tool_count"] == 1 for row in rows) == 5


def test_every_span_of_a_call_is_a_row_and_no_other(run: Run) -> None:
    rows = rows_of(run.spans)
    assert len(rows) == run.sent
    assert Counter(row["account_id"] for row in rows) == ACCOUNTS
    assert Counter(row["organization_id"] for row in rows) == Counter({"orgA": 14, "orgB": 4})
    assert Counter(row["status"] for row in rows) == STATUSES
    assert all(row["api_key_id"] for row in rows)


def test_both_logs_tell_the_same(run: Run) -> None:
    shown = ("account_id", "status", "input_tokens", "output_tokens", "prompt", "response")

    def told(log: Path) -> Counter[tuple[Any, ...]]:
        return Counter(tuple(row[name] for name in shown) for row in rows_of(log))

    assert told(run.payloads) == told(run.spans)
