"""A provider to stand behind real clients and proxies: no model, but the real protocols.

Speaks OpenAI chat completions and Anthropic messages, streamed and not, with tools, several
choices, cached and reasoning tokens, and errors. The request decides what happens:

    [fail 429] in the last user message      that HTTP status, with the provider's error body
    tools offered and 'weather' in it        a call of the first tool
    otherwise                                a text that repeats the message

Every request that arrives is kept in `Upstream.requests`, so that a test can count.
"""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

FAIL = re.compile(r"\[fail (\d{3})\]")
CREATED = 1_767_225_600  # 2026-01-01: no clock is read
CACHED, REASONING = 8, 5  # tokens that every answer reports


class Upstream:
    """A server on a free port of the loopback address, for use with `with`."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.requests))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Such as http://127.0.0.1:40001, without /v1."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


def _handler(requests: list[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append({"path": self.path, "body": body})
            body["id"] = f"{len(requests):06}"  # providers never give an id twice
            anthropic = self.path.startswith("/v1/messages")
            text = _last_user_text(body)
            if failed := FAIL.search(text):
                self._json(int(failed[1]), _error(anthropic, int(failed[1])))
            elif body.get("stream"):
                self._events((_anthropic_events if anthropic else _openai_events)(body, text))
            else:
                self._json(200, (_anthropic_answer if anthropic else _openai_answer)(body, text))

        def _json(self, status: int, answer: dict[str, Any]) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _events(self, events: Iterator[str]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for event in events:
                self.wfile.write(event.encode())
                self.wfile.flush()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing: the tests' output is for failures."""

    return Handler


def _last_user_text(body: dict[str, Any]) -> str:
    for message in reversed(body.get("messages", [])):
        content = message.get("content")
        if message.get("role") == "user" and content:
            if isinstance(content, str):
                return content
            texts = [part.get("text", "") for part in content if part.get("type") == "text"]
            if texts:
                return " ".join(texts)
    return ""


def _wants_tool(body: dict[str, Any], text: str) -> bool:
    return bool(body.get("tools")) and "weather" in text


def _error(anthropic: bool, status: int) -> dict[str, Any]:
    if anthropic:
        kind = {429: "rate_limit_error", 401: "authentication_error"}.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": f"told to fail: {status}"}}
    return {"error": {"message": f"told to fail: {status}", "type": "told", "code": str(status)}}


# --- OpenAI chat completions ------------------------------------------------------------------


def _openai_usage(text: str, answer: str) -> dict[str, Any]:
    prompt, completion = 20 + len(text.split()), REASONING + len(answer.split())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": REASONING},
    }


def _openai_call(body: dict[str, Any]) -> dict[str, Any]:
    name = body["tools"][0]["function"]["name"]
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": '{"city": "Paris"}'},
    }


def _openai_answer(body: dict[str, Any], text: str) -> dict[str, Any]:
    answer = f"You said: {text}"
    message: dict[str, Any] = {"role": "assistant", "content": answer}
    reason = "stop"
    if _wants_tool(body, text):
        message = {"role": "assistant", "content": None, "tool_calls": [_openai_call(body)]}
        reason = "tool_calls"
    return {
        "id": f"chatcmpl-{body['id']}",
        "object": "chat.completion",
        "created": CREATED,
        "model": f"{body['model']}-2026-01-01",
        "choices": [
            {"index": i, "message": message, "finish_reason": reason}
            for i in range(body.get("n") or 1)
        ],
        "usage": _openai_usage(text, answer),
    }


def _openai_events(body: dict[str, Any], text: str) -> Iterator[str]:
    def chunk(choices: list[dict[str, Any]], **more: Any) -> str:
        head: dict[str, Any] = {"id": f"chatcmpl-{body['id']}", "object": "chat.completion.chunk"}
        head |= {"created": CREATED, "model": f"{body['model']}-2026-01-01", "choices": choices}
        data = {**head, **more}
        return f"data: {json.dumps(data)}\n\n"

    answer = f"You said: {text}"
    yield chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}}])
    if _wants_tool(body, text):
        call = {"index": 0, **_openai_call(body)}
        yield chunk([{"index": 0, "delta": {"tool_calls": [call]}}])
        yield chunk([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}])
    else:
        for word in re.split(r"(?<= )", answer):
            yield chunk([{"index": 0, "delta": {"content": word}}])
        yield chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    if (body.get("stream_options") or {}).get("include_usage"):
        yield chunk([], usage=_openai_usage(text, answer))
    yield "data: [DONE]\n\n"


# --- Anthropic messages -----------------------------------------------------------------------


def _anthropic_usage(text: str, answer: str) -> dict[str, Any]:
    return {
        "input_tokens": 20 + len(text.split()),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED,
        "output_tokens": len(answer.split()),
    }


def _anthropic_block(body: dict[str, Any], text: str) -> tuple[dict[str, Any], str]:
    if _wants_tool(body, text):
        name = body["tools"][0]["name"]
        call = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {"city": "Paris"}}
        return call, "tool_use"
    return {"type": "text", "text": f"You said: {text}"}, "end_turn"


def _anthropic_answer(body: dict[str, Any], text: str) -> dict[str, Any]:
    block, reason = _anthropic_block(body, text)
    return {
        "id": f"msg_{body['id']}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [block],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": _anthropic_usage(text, f"You said: {text}"),
    }


def _anthropic_events(body: dict[str, Any], text: str) -> Iterator[str]:
    def event(kind: str, **data: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"

    whole = _anthropic_answer(body, text)
    block, reason = whole["content"][0], whole["stop_reason"]
    start = {**whole, "content": [], "stop_reason": None}
    yield event("message_start", message={**start, "usage": {**whole["usage"], "output_tokens": 1}})
    if block["type"] == "text":
        empty: dict[str, Any] = {"type": "text", "text": ""}
        parts = [{"type": "text_delta", "text": w} for w in re.split(r"(?<= )", block["text"])]
    else:
        empty = {**block, "input": {}}
        parts = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    yield event("content_block_start", index=0, content_block=empty)
    for part in parts:
        yield event("content_block_delta", index=0, delta=part)
    yield event("content_block_stop", index=0)
    yield event(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": None},
        usage={"output_tokens": whole["usage"]["output_tokens"]},
    )
    yield event("message_stop")
