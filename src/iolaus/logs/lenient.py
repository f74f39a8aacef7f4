"""JSON, and what some writers (Python's) make of a client's input instead of JSON."""

import re
from typing import Any

import orjson

# Whole strings, and the words that JavaScript knows as numbers and JSON does not.
OUTSIDE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|\bNaN\b|-?\bInfinity\b', re.DOTALL)
# Escapes, one after another: a surrogate pair, half of one, any other (a backslash, say).
ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)


def loads(text: bytes | str) -> Any:
    """The value. Raises orjson.JSONDecodeError, that of the text as it is, if mending cannot help.

    Half a surrogate pair becomes U+FFFD; NaN and infinities, which no one measured, become null.
    Else a client could put one such character into each prompt, and all its rows would be rejects.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
        try:
            return orjson.loads(OUTSIDE.sub(_mended_token, raw))
        except orjson.JSONDecodeError:
            raise error from None


def _mended_token(token: re.Match[bytes]) -> bytes:
    found = token[0]
    if found[:1] != b'"':
        return b"null"
    return ESCAPE.sub(_mended_escape, found) if b"\\u" in found else found


def _mended_escape(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]
