"""Records fixtures from real producers: `python -m tests.producers.record`.

Run it in an environment with the `producers` extra, from the root of the checkout. The recordings
are trimmed (LiteLLM repeats its whole price list in every line), never edited otherwise.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import anthropic
import openai
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


def _trimmed(payload: dict[str, object]) -> dict[str, object]:
    """Without the price list and without tracebacks, which show where LiteLLM is installed."""
    payload["model_map_information"] = None
    error = payload.get("error_information")
    if isinstance(error, dict):
        error["traceback"] = ""
    return payload


if __name__ == "__main__":
    for name in sys.argv[1:] or ["litellm"]:
        {"litellm": record_litellm}[name]()
