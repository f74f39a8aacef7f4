"""Items of one call belong together: a span, the event that describes it, one record a message.

What is gathered: rows by the span that they belong to, and messages that wait for theirs. A span
and its details event give one row; a message fills the row's texts and is then no row of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from iolaus.logs.otlp import names
from iolaus.logs.otlp.exchange import Finder, Row, exchange_of, fill
from iolaus.logs.otlp.items import Found, Item
from iolaus.logs.otlp.texts import loaded, of_messages
from iolaus.logs.rejects import Cause, Fault

MAX_WAITING: Final = 50_000  # messages without a span yet; 50,000 * about 1.5 KB = 75 MB
ORPHAN: Final = Fault(Cause.NOT_EXCHANGE, "message event without its span")


class Message(NamedTuple):
    """A log record that holds one message of a call. number: its place in the file."""

    number: int
    time: int
    event: str
    body: Any


@dataclass
class Gathered:
    """rows and lost: with the number of the item. waiting: messages by the key of their span."""

    rows: list[tuple[int, Row]] = field(default_factory=list)
    lost: list[tuple[int, Fault]] = field(default_factory=list)
    waiting: dict[str, list[Message]] = field(default_factory=dict)


def gather(
    found: Iterable[tuple[int, Found]],
    finders: Mapping[str, Finder],
    *,
    texts: bool,
    waiting: dict[str, list[Message]] | None = None,
    limit: int | None = None,
) -> Gathered:
    """Rows of these numbered items. waiting: messages that came before; those still without a span
    wait on, at most `limit` (by default MAX_WAITING) of them: the oldest are lost, and counted."""
    out = Gathered(waiting=waiting or {})
    by_key: dict[str, tuple[Row, set[bool]]] = {}  # with: of a span (True), of an event, of both
    for number, item in found:
        if isinstance(item, Fault):
            out.lost.append((number, item))
        elif (message := message_of(number, item)) is not None:
            out.waiting.setdefault(item.key, []).append(message)
        else:
            _add(out, by_key, number, item, exchange_of(item, finders, texts=texts))
    for key in by_key.keys() & out.waiting.keys():
        messages = sorted(out.waiting.pop(key), key=lambda m: (m.time, m.number))
        if texts:
            fill(by_key[key][0], of_messages((m.event, m.body) for m in messages))
    _forget(out, MAX_WAITING if limit is None else limit)
    return out


def message_of(number: int, item: Item) -> Message | None:
    """The message that a log record holds; None if it holds none, or belongs to no span."""
    if item.is_span or not item.key:
        return None
    if item.name in names.MESSAGE_EVENTS:
        body = item.body if item.body is not None else item.attributes.get(names.EVENT_CONTENT)
        return Message(number, item.time, item.name, loaded(body))
    return None


def _add(
    out: Gathered,
    by_key: dict[str, tuple[Row, set[bool]]],
    number: int,
    item: Item,
    row: Row | Fault,
) -> None:
    if isinstance(row, Fault):
        out.lost.append((number, row))
        return
    if item.key not in by_key:
        out.rows.append((number, row))
        if item.key:
            by_key[item.key] = row, {item.is_span}
        return
    other, told_by = by_key[item.key]
    if item.is_span in told_by:
        out.lost.append((number, Fault(Cause.DUPLICATE_EXCHANGE, item.key)))
        return
    told_by.add(item.is_span)
    if item.is_span:  # its start is when the request arrived; an event is sent when all is over
        other["ts"] = row.get("ts", other.get("ts"))
    other |= {name: value for name, value in row.items() if other.get(name) is None}


def _forget(out: Gathered, limit: int) -> None:
    """Keep memory bounded: the messages that have waited longest are counted as lost."""
    excess = sum(map(len, out.waiting.values())) - limit
    for key in list(out.waiting):
        if excess <= 0:
            return
        gone = out.waiting.pop(key)
        excess -= len(gone)
        out.lost += [(message.number, ORPHAN) for message in gone]


def orphans(waiting: dict[str, list[Message]]) -> list[tuple[int, Fault]]:
    """At the end: messages whose span never came."""
    return [(message.number, ORPHAN) for group in waiting.values() for message in group]
