"""Texts inside the bodies of the common model APIs: last user message, system prompt, response.

Knows OpenAI's chat completions and responses, Anthropic's messages, Amazon's Converse, Nova and
Titan, Meta's, Mistral's and Cohere's native bodies, Google's contents, and their streams. Text
parts of one message are joined by a newline; images and tool calls have no text.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from iolaus.logs.mapping import Record, unpacked
from iolaus.logs.shape import at, counted, either, within

USER, SYSTEM = ("user", "human", "USER"), ("system", "developer", "SYSTEM")
ASSISTANT = ("assistant", "model", "CHATBOT")
# Where a body keeps its settings, if not beside the messages: Converse, Titan, Google.
SETTINGS = ("inferenceConfig", "textGenerationConfig", "generationConfig", "generation_config")
LIMITS = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "maxTokens",
    "max_new_tokens",
    "maxTokenCount",
    "max_gen_len",
    "max_tokens_to_sample",
    "maxOutputTokens",
)
PLAIN_PROMPTS = ("prompt", "inputText", "message", "query")
CHOICES = ("n", "num_generations", "candidateCount")


def text_of(content: Any) -> str | None:
    """The text of a message's content: a text, a part, or a list of them. Null if it has none."""
    if type(content) is str:
        return content
    if type(content) is dict:
        text = either(content.get("text"), content.get("content"))
        if type(text) is dict:
            text = text.get("value")  # of an assistant's message: {"text": {"value": ...}}
        return as_text(text)
    if type(content) is list:
        return joined(text_of(part) for part in content if type(part) in (str, dict))
    return None


def as_text(value: Any) -> str | None:
    """The value if it is a text, else null."""
    return value if type(value) is str else None


def joined(texts: Iterable[str | None]) -> str | None:
    """Texts with a newline between; null if there is none."""
    there = [text for text in texts if text is not None]
    return "\n".join(there) if there else None


def prompt_of(body: Any) -> str | None:
    """The last user message that has a text: in agents' calls, tool results come after it."""
    if type(body) is str:
        return body
    if type(body) is list:
        return _last_of(body, USER)
    if type(body) is not dict:
        return None
    messages = either(body.get("messages"), body.get("contents"), body.get("input"))
    found = prompt_of(messages) if type(messages) in (list, str, dict) else None
    for name in PLAIN_PROMPTS if found is None else ():
        if (found := text_of(body.get(name))) is not None:
            break
    return found


def system_of(body: Any) -> str | None:
    """The system prompt, or all of them."""
    if type(body) is list:
        return joined(_content(m) for m in body if type(m) is dict and m.get("role") in SYSTEM)
    if type(body) is not dict:
        return None
    names = ("system", "instructions", "preamble", "systemInstruction", "system_instruction")
    given = next((body[name] for name in names if body.get(name) is not None), None)
    if given is not None:
        return _content(given) if type(given) is dict else text_of(given)
    messages = either(body.get("messages"), body.get("input"))
    return system_of(messages) if type(messages) is list else None


def response_of(body: Any) -> str | None:
    """The first completion's text, of a whole answer or of a stream's events."""
    if type(body) is str:
        return body
    if type(body) is list:
        return _streamed(body)
    if type(body) is not dict:
        return None
    for name, read in ANSWERS.items():
        given = body.get(name)
        if given is not None and (text := read(given)) is not None:
            return text
    return None


def texts(request: Any, answer: Any, wanted: frozenset[str]) -> Record:
    """The wanted ones of prompt, system_prompt and response; texts that hold JSON are unpacked."""
    found: Record = {}
    if "prompt" in wanted or "system_prompt" in wanted:
        body = unpacked(request)
        found["prompt"] = prompt_of(body) if "prompt" in wanted else None
        found["system_prompt"] = system_of(body) if "system_prompt" in wanted else None
    if "response" in wanted:
        found["response"] = response_of(unpacked(answer))
    return found


def request_settings(body: Any) -> Record:
    """max_output_tokens, temperature, choice_count, stream and tool_count, as the body asks.

    What a client sends there is its own choice: a value of another type is null, and costs no row.
    """
    if type(body) is not dict:
        return {}
    inner = next((body[name] for name in SETTINGS if type(body.get(name)) is dict), body)
    temperature, stream = inner.get("temperature"), body.get("stream")
    found = {
        "max_output_tokens": _count(inner, LIMITS),
        "temperature": temperature if type(temperature) in (int, float) else None,
        "choice_count": _count(inner, CHOICES),
        "stream": stream if type(stream) is bool else None,
        "tool_count": counted(either(body.get("tools"), at(body, "toolConfig", "tools"))),
    }
    return {name: value for name, value in found.items() if value is not None}


def is_chat(body: Any) -> bool:
    """Is this a body of messages (and not, say, a document that someone asks about)?"""
    if type(body) is dict:
        return any(type(body.get(name)) is list for name in ("messages", "contents", "choices"))
    return type(body) is list and any("role" in item for item in body if type(item) is dict)


def _count(body: Record, names: tuple[str, ...]) -> int | None:
    for name in names:
        value = body.get(name)
        if type(value) is int and 0 <= value < 2**31:
            return value
    return None


def _last_of(messages: list[Any], roles: tuple[str, ...]) -> str | None:
    for message in reversed(messages):
        if type(message) is dict and message.get("role", "user") in roles:
            text = _content(message)
            if text is not None:
                return text
    return None


def _content(message: Any) -> str | None:
    """A message's text: its content or, with Google, its parts."""
    if type(message) is not dict:
        return None
    return text_of(either(message.get("content"), message.get("parts"), message.get("text")))


def _first(value: Any) -> Any:
    return value[0] if type(value) is list and value else None


def _choice(choice: Any) -> str | None:
    return as_text(either(_content(at(choice, "message")), text_of(at(choice, "text"))))


def _output(output: Any) -> str | None:
    """Converse's object with a message, or the responses API's list of items."""
    if type(output) is list:
        return joined(_content(i) for i in output if type(i) is dict and i.get("role") in ASSISTANT)
    return _content(at(output, "message"))


def _plain(value: Any) -> str | None:
    if type(value) is dict:
        value = either(value.get("outputText"), value.get("text"), _content(value.get("message")))
    return as_text(value)


def _streamed(events: list[Any]) -> str | None:
    """A stream's texts, put together. A list of content parts or of messages also stands here."""
    pieces = [_piece(event) for event in events if type(event) is dict]
    there = [piece for piece in pieces if piece is not None]
    if there:
        return "".join(there)
    return as_text(either(_last_of(events, ASSISTANT), text_of(events)))


def _piece(event: Record) -> str | None:
    """One event's text: Anthropic's and Converse's deltas, OpenAI's, Titan's and Llama's chunks."""
    event = event["chunk"] if type(event.get("chunk")) is dict else event
    for name, read in PIECES.items():
        given = event.get(name)
        if given is not None and (found := read(given)) is not None:
            return as_text(found)
    return (
        as_text(event.get("delta")) if event.get("type") == "response.output_text.delta" else None
    )


# Where an event's piece stands, by the key of the event; the first that has one counts.
PIECES: Final[dict[str, Callable[[Any], Any]]] = {
    "delta": lambda given: within(given).get("text"),
    "contentBlockDelta": lambda given: within(within(given).get("delta")).get("text"),
    "choices": lambda given: at(_first(given), "delta", "content"),
    "outputText": lambda given: given,
    "generation": lambda given: given,
    "completion": lambda given: given,
    "outputs": lambda given: at(_first(given), "text"),
}
# Where an answer's text stands, by the key of the body; the first that has one counts.
ANSWERS: Final[dict[str, Callable[[Any], str | None]]] = {
    "choices": lambda given: _choice(_first(given)),
    "output": _output,
    "content": text_of,
    "candidates": lambda given: _content(at(_first(given), "content")),
    "generation": _plain,
    "outputText": _plain,
    "completion": _plain,
    "text": _plain,
    "results": lambda given: _plain(_first(given)),
    "outputs": lambda given: _plain(_first(given)),
    "generations": lambda given: _plain(_first(given)),
    "message": lambda given: _content(given),
}
