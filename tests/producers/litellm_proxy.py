"""Starts a real LiteLLM proxy before the fake upstream, in its own process."""

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile

HOOKS = Path(__file__).with_name("litellm_hooks.py")
START_SECONDS = 180  # importing LiteLLM takes 10 to 60 s on a busy machine

CONFIG = """
model_list:
  - model_name: gpt-4o-mini
    litellm_params: {{model: openai/gpt-4o-mini, api_base: {upstream}/v1, api_key: sk-none}}
  - model_name: claude-sonnet-4-5
    litellm_params: {{model: anthropic/claude-sonnet-4-5, api_base: {upstream}, api_key: sk-none}}
litellm_settings:
  callbacks: [{callbacks}]
  num_retries: 0
  telemetry: false
router_settings:
  num_retries: 0
  disable_cooldowns: true
general_settings:
  custom_auth: litellm_hooks.who_calls
"""


@contextmanager
def litellm_proxy(
    folder: Path, upstream: str, *, otlp: str | None = None, python: str = sys.executable
) -> Iterator[str]:
    """Yields the proxy's URL. Its StandardLoggingPayloads go to folder/payloads.jsonl.

    upstream: URL of the provider. otlp: where its otel callback exports to, by gRPC, or by HTTP if
    that ends with /v1/traces.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copyfile(HOOKS, folder / HOOKS.name)
    callbacks = "litellm_hooks.payload_file" + (", otel" if otlp else "")
    (folder / "config.yaml").write_text(CONFIG.format(upstream=upstream, callbacks=callbacks))
    port = free_port()
    with (folder / "proxy.log").open("wb") as log:
        command = [python, "-c", "from litellm import run_server; run_server()"]
        process = subprocess.Popen(
            [*command, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=_environment(folder, otlp),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/health/liveliness", process, folder / "proxy.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _environment(folder: Path, otlp: str | None) -> dict[str, str]:
    more = {
        "IOLAUS_TEST_PAYLOADS": str(folder / "payloads.jsonl"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network at start
        "LITELLM_TELEMETRY": "False",
        "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(32)}",  # it does not start without one
        "NO_PROXY": "*",
    }
    if otlp:
        protocol = "otlp_http" if otlp.endswith("/v1/traces") else "otlp_grpc"
        more |= {
            "OTEL_EXPORTER": protocol,
            "OTEL_ENDPOINT": otlp,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only",
            "LITELLM_OTEL_V2": "true",  # else its attributes land on the spans of FastAPI
        }
    return {**os.environ, **more}


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise RuntimeError(f"the LiteLLM proxy did not start:\n{log.read_text()[-3000:]}")


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
