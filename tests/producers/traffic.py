"""What the producers' tests send: the same calls through whichever official client is given."""

import warnings
from typing import Any

import anthropic
import openai

OPENAI_TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ANTHROPIC_TOOL: Any = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def openai_calls(client: openai.OpenAI, model: str = "gpt-4o-mini") -> int:
    """Plain, several choices, tools, streamed, streamed tools, two errors. Returns how many."""

    def ask(text: str, **more: Any) -> Any:
        messages: Any = [
            {"role": "system", "content": "You are terse."},
            {"role": "user", "content": "An earlier question"},
            {"role": "assistant", "content": "An earlier answer"},
            {"role": "user", "content": text},
        ]
        return client.chat.completions.create(model=model, messages=messages, **more)

    ask("Name a river", temperature=0.2, max_tokens=64, user="end-user-7")
    ask("Name two rivers", n=2, temperature=1.0)
    ask("What is the weather in Paris?", tools=[OPENAI_TOOL])
    list(ask("Stream a river", stream=True, stream_options={"include_usage": True}))
    list(ask("Stream the weather", stream=True, tools=[OPENAI_TOOL]))
    for status in (429, 500):
        try:
            ask(f"Now [fail {status}]")
            raise AssertionError(f"{status} did not fail")
        except openai.APIStatusError as error:
            assert error.status_code == status, error
    return 7


def anthropic_calls(client: anthropic.Anthropic, model: str = "claude-sonnet-4-5") -> int:
    """Plain, tools, streamed, one error. Returns how many."""

    def ask(text: str, **more: Any) -> Any:
        messages: Any = [{"role": "user", "content": text}]
        with warnings.catch_warnings():  # the client knows when models retire; ours never does
            warnings.simplefilter("ignore", DeprecationWarning)
            return client.messages.create(
                model=model, max_tokens=128, system="You are kind.", messages=messages, **more
            )

    ask("Name a mountain", extra_body={"temperature": 0.5})  # newer clients have no argument
    ask("What is the weather in Lima?", tools=[ANTHROPIC_TOOL])
    for _ in ask("Stream a mountain", stream=True):
        pass
    try:
        ask("Now [fail 429]")
        raise AssertionError("429 did not fail")
    except anthropic.APIStatusError as error:
        assert error.status_code == 429, error
    return 4
