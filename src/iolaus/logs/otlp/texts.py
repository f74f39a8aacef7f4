"""System prompt, last user message, response and number of tools, in any of the conventions.

2025 on     gen_ai.input.messages and the like: messages of typed parts, as values or JSON text
OpenLLMetry gen_ai.prompt.N.role and .content; OpenInference llm.input_messages.N.message.*
2024        events inside the span (gen_ai.content.prompt), or one log record a message
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import orjson

from iolaus.logs import lenient
from iolaus.logs.otlp import names
from iolaus.logs.otlp.items import Attributes, Item

SYSTEM_ROLES: Final = ("system", "developer")
USER_ROLES: Final = ("user", "human")
TEXT_PARTS: Final = ("text", "input_text", "output_text", "")
NUMBERED: Final = re.compile(r"(\d{1,6})\.(?:message\.)?(.+)")
PART_TEXT: Final = re.compile(r"contents\.(\d{1,6})\.message_content\.text")

Message = tuple[str, str | None]  # role, text (None: nothing but tool calls or images)


class Texts(NamedTuple):
    """Null: not recorded, or it holds no text (a response that only calls a tool)."""

    system: str | None = None
    prompt: str | None = None
    response: str | None = None
    tools: int | None = None

    def over(self, other: "Texts") -> "Texts":
        """These; where null, the other's."""
        return Texts(
            other.system if self.system is None else self.system,
            other.prompt if self.prompt is None else self.prompt,
            other.response if self.response is None else self.response,
            other.tools if self.tools is None else self.tools,
        )


def texts_of(item: Item) -> Texts:
    """What a span or a details event says itself."""
    attributes = item.attributes
    found = _of_attributes(attributes)
    for name, content in item.events:
        if name in names.CONTENT_EVENTS:
            whole = {names.CONTENT_EVENTS[name]: content.get(names.CONTENT_EVENTS[name])}
            found = found.over(_of_attributes(whole))
        elif name in names.MESSAGE_EVENTS:
            body = loaded(content.get(names.EVENT_CONTENT, content))
            found = of_messages([(name, body)]).over(found)
    return found


def of_messages(events: Iterable[tuple[str, Any]]) -> Texts:
    """Events of one message each: (event name, body), in the order in which they were sent."""
    asked: list[Message] = []
    answers: list[str | None] = []
    for name, body in events:
        role = names.MESSAGE_EVENTS[name]
        if role == "choice":
            message = body.get("message", body) if isinstance(body, dict) else body
            answers.append(text_of(message))
        else:
            asked.append((role, text_of(body)))
    system, prompt = _asked(asked)
    return Texts(system, prompt, answers[0] if answers else None)


def _of_attributes(attributes: Attributes) -> Texts:
    system, prompt = _asked(_input(attributes))
    told = attributes.get(names.SYSTEM_TEXT)
    system = _joined(_typed(told, "type")) if told is not None else system
    return Texts(system, prompt, _response(attributes), _tools(attributes))


def _asked(messages: Iterable[Message]) -> tuple[str | None, str | None]:
    """The system messages together, and the last user message that has text."""
    system: list[str] = []
    prompt = None
    for role, text in messages:
        if text is not None and role in SYSTEM_ROLES:
            system.append(text)
        elif text is not None and role in USER_ROLES:
            prompt = text
    return "\n".join(system) if system else None, prompt


def _input(attributes: Attributes) -> Iterator[Message]:
    given = attributes.get(names.INPUT_MESSAGES)
    if given is not None:
        yield from _messages(loaded(given))
        return
    for prefix in names.NUMBERED_INPUT:
        if numbered := _numbered(attributes, prefix):
            yield from ((role or "user", text) for role, text in numbered)
            return
    for name in names.WHOLE_INPUT:
        if (whole := attributes.get(name)) is not None:
            yield from _messages(_whole(whole))
            return


def _response(attributes: Attributes) -> str | None:
    """The first choice's text."""
    given = attributes.get(names.OUTPUT_MESSAGES)
    if given is not None:
        return _first_text(_messages(loaded(given)))
    for prefix in names.NUMBERED_OUTPUT:
        if numbered := _numbered(attributes, prefix):
            return _first_text(numbered)
    for name in names.WHOLE_OUTPUT:
        if (whole := attributes.get(name)) is not None:
            return _first_text(_messages(_whole(whole)))
    return None


def _first_text(messages: Iterable[Message]) -> str | None:
    for _, text in messages:
        return text
    return None


def _messages(value: Any) -> Iterator[Message]:
    """A list of messages, one message, or a plain text (which is the user's, or the model's)."""
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    for message in value if isinstance(value, list) else [value]:
        if isinstance(message, dict):
            role = message.get("role", "user")
            yield role if isinstance(role, str) else "user", text_of(message)
        elif isinstance(message, str):
            yield "user", message


def _whole(value: Any) -> Any:
    """Messages in one value, as a list or under "messages"; else the value, which is the text."""
    for key in ("role", "messages"):
        if (found := _typed(value, key)) is not value:
            return found
    return value


def text_of(message: Any) -> str | None:
    """A message's text: its `content` or `parts`, text parts joined; None if it has none."""
    if isinstance(message, str):
        return message or None
    if not isinstance(message, dict):
        return None
    return _joined(message.get("parts", message.get("content", message.get("text"))))


def _joined(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    parts = [_part(part) for part in (value if isinstance(value, list) else [value])]
    kept = [part for part in parts if part]
    return "\n".join(kept) if kept else None


def _part(part: Any) -> str | None:
    """The text of a text part. Tool calls, images and reasoning are none."""
    if not isinstance(part, dict):
        return part if isinstance(part, str) else None
    if part.get("type", "") not in TEXT_PARTS:
        return None
    text = part.get("content", part.get("text"))
    return text if isinstance(text, str) else None


def _numbered(attributes: Attributes, prefix: str) -> list[Message]:
    """PREFIX.N.role, PREFIX.N.content and their like, in the order of N."""
    roles: dict[int, str] = {}
    texts: dict[int, dict[int, str]] = {}
    for name, value in attributes.items():
        if (
            not name.startswith(prefix)
            or (match := NUMBERED.fullmatch(name[len(prefix) :])) is None
        ):
            continue
        number, rest = int(match[1]), match[2]
        roles.setdefault(number, "")
        if rest == "role" and isinstance(value, str):
            roles[number] = value
        elif rest == "content" and isinstance(text := _joined(_typed(value, "type")), str):
            texts.setdefault(number, {})[0] = text
        elif (part := PART_TEXT.fullmatch(rest)) and isinstance(value, str):
            texts.setdefault(number, {})[int(part[1])] = value
    return [(roles[n], _in_order(texts.get(n))) for n in sorted(roles)]


def _in_order(parts: dict[int, str] | None) -> str | None:
    return None if parts is None else "\n".join(parts[n] for n in sorted(parts))


def _tools(attributes: Attributes) -> int | None:
    given = loaded(attributes.get(names.TOOLS))
    if isinstance(given, list):
        return len(given)
    for prefix in names.NUMBERED_TOOLS:
        found = {n[len(prefix) :].split(".")[0] for n in attributes if n.startswith(prefix)}
        if found:
            return len(found)
    return None


def loaded(value: Any) -> Any:
    """A value that may be JSON text. What is not JSON is plain text, and stays as it is."""
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return value
    try:
        return lenient.loads(value)
    except orjson.JSONDecodeError:
        return value


def _typed(value: Any, key: str) -> Any:
    """As `loaded` if that gives objects that all have `key`; else as it is: prompts may be JSON."""
    found = loaded(value)
    objects = found if isinstance(found, list) else [found]
    return found if objects and all(isinstance(o, dict) and key in o for o in objects) else value
