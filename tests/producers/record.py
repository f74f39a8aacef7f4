"""Records fixtures from real producers, in tests/logs/fixtures.

    python -m tests.producers.record litellm
    python -m tests.producers.record KIND CONTENT NAME      (see instrumented.py)

Run it in an environment with the `producers` extra, from the root of the checkout. The recordings
are trimmed (LiteLLM repeats its whole price list in every line), never edited otherwise.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anthropic
import openai
from tests.producers.collector import file_exporter
from tests.producers.litellm_proxy import litellm_proxy
from tests.producers.traffic import anthropic_calls, openai_calls
from tests.producers.upstream import Upstream

FIXTURES = Path(__file__).parents[1] / "logs" / "fixtures"
PATIENCE = 300  # tries of 0.2 s for what producers write in the background


def lines_of(path: Path, wanted: int) -> list[str]:
    """The file's lines, once there are `wanted` of them (or after a minute)."""
    found: list[str] = []
    for _ in range(PATIENCE):
        found = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if len(found) >= wanted:
            break
        time.sleep(0.2)
    return found


def through_litellm(url: str) -> int:
    """Calls of three accounts through a proxy at `url`; returns how many."""
    keys = ("sk-acct1-orgA", "sk-acct2-orgA")
    clients = [openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) for key in keys]
    third = anthropic.Anthropic(base_url=url, api_key="sk-acct3-orgB", max_retries=0)
    return sum(map(openai_calls, clients)) + anthropic_calls(third)


def record_litellm() -> None:
    """One StandardLoggingPayload per call, as a custom callback gets it."""
    folder = Path(tempfile.mkdtemp(prefix="litellm-"))
    with Upstream() as upstream, litellm_proxy(folder, upstream.url) as url:
        sent = through_litellm(url)
        recorded = lines_of(folder / "payloads.jsonl", sent)
    assert len(recorded) == sent, (len(recorded), sent)
    out = FIXTURES / "litellm" / "standard_logging_payload.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(f"{json.dumps(_trimmed(json.loads(line)))}\n" for line in recorded))
    shutil.rmtree(folder)


def record_otlp(kind: str, content: str, name: str) -> None:
    """What an instrumented client exports, as a collector's file exporter writes it."""
    folder = Path(tempfile.mkdtemp(prefix="otlp-"))
    with Upstream() as upstream, file_exporter(folder / "spans.jsonl") as endpoint:
        command = [sys.executable, "-m", "tests.producers.instrumented", kind, "http"]
        arguments = [endpoint, upstream.url, content]
        if kind.endswith(".cjs"):  # a copy of instrumented.cjs that lies beside its npm packages
            command, arguments = ["node", kind, "json"], arguments[:2]
        subprocess.run([*command, *arguments], check=True)
    out = FIXTURES / "otlp" / f"{name}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    text = (folder / "spans.jsonl").read_text(encoding="utf-8")
    out.write_text(
        "".join(f"{json.dumps(_without_stacks(json.loads(line)))}\n" for line in text.splitlines())
    )
    shutil.rmtree(folder)


def _without_stacks(value: Any) -> Any:
    """Stack traces show where things are installed: empty."""
    if isinstance(value, list):
        return [_without_stacks(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("key") == "exception.stacktrace":
        return {"key": value["key"], "value": {"stringValue": ""}}
    return {key: _without_stacks(item) for key, item in value.items()}


def _trimmed(payload: dict[str, object]) -> dict[str, object]:
    """Without the price list and without tracebacks, which show where LiteLLM is installed."""
    payload["model_map_information"] = None
    error = payload.get("error_information")
    if isinstance(error, dict):
        error["traceback"] = ""
    return payload


if __name__ == "__main__":
    if sys.argv[1] == "litellm":
        record_litellm()
    else:
        record_otlp(*sys.argv[1:])
