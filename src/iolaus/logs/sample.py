"""What the fields of a sample look like: names, kinds and shapes of values; never the values."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from iolaus.logs.mapping import Record
from iolaus.logs.times import MICROS_BELOW, MILLIS_BELOW, SECONDS_BELOW

MAX_FIELDS = 500  # paths that are looked at: keys may be random
MAX_DEPTH = 5
DISTINCT = 1_000  # values remembered of a field, to count the different ones
LONG = 200  # characters: from here on a text is prose, not a name
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
ZONED = re.compile(r".*(Z|[+-]\d\d:?\d\d)", re.ASCII)
EPOCH: Final = (1.42e9, 4.2e9)  # seconds: 2015 to 2103, as times.py tells units apart
JA4 = re.compile(r"[tqd]\d\d[di]\d{4}[a-z0-9]{2}_[0-9a-f]{12}_[0-9a-f]{12}|[0-9a-f]{32}")
AGENT = re.compile(r"[A-Za-z][\w.-]*/([A-Za-z]+ )?\d\S*( .*)?")  # curl/8.1, OpenAI/Python 2.0
MODEL = re.compile(
    r"(.*[./:])?(gpt|o\d|claude|gemini|gemma|llama|meta-llama|mistral|mixtral|ministral|nova|titan"
    r"|deepseek|qwen|command|grok|phi|glm|kimi|text-davinci|chatgpt|amazon|anthropic)[-._:\w/]*",
    re.IGNORECASE,
)
COUNTRY = re.compile(r"[A-Z]{2}")
WHOLE = re.compile(r"\d{1,15}", re.ASCII)
NUMBER = re.compile(r"\d{1,15}(\.\d+)?", re.ASCII)
TRUTH: Final = ("true", "false", "yes", "no", "t", "f")


@dataclass
class Field:
    """One field of the sample. path: dotted. filled: rows that have it. shapes: of its values."""

    path: str
    filled: int = 0
    shapes: dict[str, int] = field(default_factory=dict)
    different: set[int] = field(default_factory=set)

    def add(self, value: Any) -> None:
        self.filled += 1
        for shape in shapes_of(value):
            self.shapes[shape] = self.shapes.get(shape, 0) + 1
        if len(self.different) < DISTINCT:
            self.different.add(hash(value) if type(value) in (str, int, float, bool) else 0)

    def mostly(self, shape: str) -> bool:
        """Do at least 95 of 100 of its values have this shape?"""
        return self.filled > 0 and self.shapes.get(shape, 0) >= 0.95 * self.filled


def shapes_of(value: Any) -> Iterator[str]:
    """All shapes of one value: a whole number may also be a time."""
    if type(value) is bool:
        yield "boolean"
    elif type(value) in (int, float):
        yield from _number_shapes(value)
    elif type(value) is str:
        yield "text"
        yield from _text_shapes(value)


def _number_shapes(value: int | float) -> Iterator[str]:
    yield "number"
    if value == value and value >= 0 and value == value // 1:
        yield "whole"
    unit = epoch_unit(value)
    if unit is not None:
        yield f"epoch {unit}"


def _text_shapes(value: str) -> Iterator[str]:
    if len(value) > LONG or "\n" in value:
        yield "long"
        return
    if ISO.fullmatch(value):
        yield "time"
        if ZONED.fullmatch(value):
            yield "zoned"
    if WHOLE.fullmatch(value):
        yield "whole text"
    if NUMBER.fullmatch(value):
        yield "number text"
        unit = epoch_unit(float(value))
        if unit is not None:
            yield f"epoch {unit}"
    if value.lower() in TRUTH:
        yield "boolean text"
    if is_address(value):
        yield "address"
    for name, pattern in (("ja4", JA4), ("agent", AGENT), ("model", MODEL), ("country", COUNTRY)):
        if pattern.fullmatch(value):
            yield name


def is_address(text: str) -> bool:
    """An IP address, or a list of them, the client's first or last."""
    try:
        return all(ipaddress.ip_address(part.strip()) is not None for part in text.split(","))
    except ValueError:
        return False


def epoch_unit(value: float) -> str | None:
    """The unit in which this number is a time from 2015 on; null if in none."""
    units = (("s", 1.0, SECONDS_BELOW), ("ms", 1e3, MILLIS_BELOW), ("us", 1e6, MICROS_BELOW))
    for unit, per_second, below in (*units, ("ns", 1e9, 10**20)):
        if value < below:
            return unit if EPOCH[0] <= value / per_second < EPOCH[1] else None
    return None


def fields_of(records: Iterator[Record]) -> tuple[int, list[Field]]:
    """How many records there are, and their fields in the order in which they were met."""
    found: dict[str, Field] = {}
    count = 0
    for record in records:
        count += 1
        _walk(record, "", 1, lambda path, value: _note(found, path, value))
    return count, list(found.values())


def _note(found: dict[str, Field], path: str, value: Any) -> None:
    if path not in found:
        if len(found) >= MAX_FIELDS:
            return
        found[path] = Field(path)
    if value is not None and value != "":
        found[path].add(value)


def _walk(record: Record, prefix: str, depth: int, note: Callable[[str, Any], None]) -> None:
    for key, value in record.items():
        path = f"{prefix}{key}"
        if type(value) is dict and depth < MAX_DEPTH:
            _walk(value, f"{path}.", depth + 1, note)
        else:
            note(path, value)
