"""JSON documents that are not lines, streamed: an array of objects, objects written over several
lines or one after another, or an envelope such as {"data": [...], "meta": {...}}.

Only the brackets and quotes are looked at here; each object's own text is given on, and parsed
there. So an object that is not JSON costs that object, unless its quotes do not close.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from iolaus.logs import lines as lines_module
from iolaus.logs.lines import BYTE_ORDER_MARK, Line, opened

# Where a service puts its records: Langfuse's API (data), Azure (records), Cloudflare (result).
ENVELOPES = (
    b"data",
    b"records",
    b"Records",
    b"observations",
    b"result",
    b"logs",
    b"value",
    b"items",
)
KEY_BEFORE = re.compile(rb'"([^"\\]{1,32})"\s*:\s*$')
LOOK_BACK = 64  # bytes; the longest envelope key with its quotes, colon and white space
# Whole strings in one match; a lone quote is a string that goes on beyond what has been read.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
QUOTE, OBJECT, ARRAY = b'"{['
STRING_END = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
CLOSES = {ord("}"): OBJECT, ord("]"): ARRAY}


def elements(path: Path, name: str) -> Iterator[Line]:
    """Each object with its number (from 0) and text. An object longer than MAX_LINE is too long."""
    splitter = _Splitter()
    with opened(path, name) as source:
        block = source.read(lines_module.BLOCK).removeprefix(BYTE_ORDER_MARK)
        while block:
            yield from splitter.feed(block)
            block = source.read(lines_module.BLOCK)
    yield from splitter.end()


class _Splitter:
    def __init__(self) -> None:
        self._rest = b""  # of the last block: half an escape
        self._in_string = False  # the last block ended inside one
        self._before = b""  # the bytes before `rest`, to find an array's key
        self._stack = bytearray()  # open brackets around the place
        self._held: bytearray | None = None  # the open object's text so far
        self._depth = 0  # of the stack where that object began
        self._too_long = False
        self._in_envelope = False
        self._stray = b""  # what stands between objects and is no comma: a row that is none
        self._number = 0

    def feed(self, block: bytes) -> Iterator[Line]:
        text, place = self._rest + block, 0
        if self._in_string:
            close = STRING_END.match(text)
            self._in_string, place = close is None, close.end() if close else len(text)
        start, after, end = 0, 0, len(text)  # of the open object; of the last bracket; of all
        for token in TOKEN.finditer(text, place):
            at = token.start()
            if token.end() - at > 1:
                continue
            mark = text[at]
            if mark == QUOTE:
                self._in_string = True
                break
            self._between(text[after:at])
            after = at + 1
            if mark in CLOSES:
                closed = self._close(mark)
                yield from self._emit(text[start:after]) if closed else self._emit_stray()
                continue
            if self._opens_element(mark):
                yield from self._emit_stray()
                self._held, self._depth, start = bytearray(), len(self._stack), at
            elif mark == ARRAY and self._held is None and self._stack and self._at_level():
                self._stray += b"["
            elif mark == ARRAY:
                before = self._before + text[:at] if at < LOOK_BACK else text[at - LOOK_BACK : at]
                self._maybe_envelope(before)
            self._stack.append(mark)
        if self._in_string:  # an escape may be cut in two: its first half waits for the second
            end -= (len(text) - len(text.rstrip(b"\\"))) % 2
        self._between(text[after:end])
        self._hold(text[start:end])
        self._before = (self._before + text[max(0, end - LOOK_BACK) : end])[-LOOK_BACK:]
        self._rest = text[end:]

    def end(self) -> Iterator[Line]:
        """What is left is an object that never closed."""
        yield from self._emit_stray()
        left = bytes(self._held or b"") + self._rest
        if left.strip() or self._too_long:
            yield Line(self._number, b"" if self._too_long else left, self._too_long)

    def _at_level(self) -> bool:
        """Where objects are rows: outermost, in an outermost array, or in an envelope's."""
        return bytes(self._stack) in (b"", b"[") or (self._in_envelope and len(self._stack) == 2)

    def _opens_element(self, mark: int) -> bool:
        return mark == OBJECT and self._held is None and self._at_level()

    def _between(self, text: bytes) -> None:
        if self._held is None and self._at_level() and len(self._stray) < LOOK_BACK:
            self._stray += text.strip(b" \t\r\n,")[:LOOK_BACK]

    def _emit_stray(self) -> Iterator[Line]:
        if self._held is None and self._stray:
            yield Line(self._number, self._stray, False)
            self._number += 1
            self._stray = b""

    def _maybe_envelope(self, before: bytes) -> None:
        """An array in the outermost object, under a name that services give to their records."""
        key = KEY_BEFORE.search(before)
        if bytes(self._stack) == b"{" and key is not None and key[1] in ENVELOPES:
            self._in_envelope, self._held, self._too_long = True, None, False

    def _close(self, mark: int) -> bool:
        """True if this closes the open object."""
        if self._stack and self._stack[-1] == CLOSES[mark]:
            self._stack.pop()
        elif self._held is None:
            self._stray += bytes([mark])
        if self._in_envelope and len(self._stack) < 2:
            self._in_envelope = False
        return self._held is not None and len(self._stack) == self._depth

    def _hold(self, more: bytes) -> None:
        if self._held is None or self._too_long:
            return
        self._held += more
        if len(self._held) > lines_module.MAX_LINE:
            self._held.clear()
            self._too_long = True

    def _emit(self, more: bytes) -> Iterator[Line]:
        self._hold(more)
        text = b"" if self._too_long or self._held is None else bytes(self._held)
        yield Line(self._number, text, self._too_long)
        self._number += 1
        self._held, self._too_long = None, False
