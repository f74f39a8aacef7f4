"""What each byte, and each code point beyond ASCII, means to the tokeniser.

Beyond ASCII only as much of Unicode is known as the features need: where words end, quotes,
invisible characters, scripts written without spaces, and lower case for Latin-1 and Cyrillic.
Works on bytes, so invalid UTF-8 is read as words and separators and never fails.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel

# Classes of ASCII bytes.
SEPARATOR, WORD, STOP, DOUBLE, SINGLE, TICK, PATH, SYNTAX = range(8)
# Classes of code points beyond ASCII: part of a word, end of a word, invisible (skipped inside
# words too, so that zero-width and bidi controls cannot hide one), a word of its own (CJK), and a
# script without spaces that is cut every RUN_POINTS code points.
W_WORD, W_BREAK, W_SKIP, W_ALONE, W_RUN = range(5)


def _classes() -> NDArray[np.uint8]:
    table = np.zeros(256, dtype=np.uint8)
    for low, high in ((48, 57), (65, 90), (97, 122), (128, 255)):
        table[low : high + 1] = WORD
    for kind, members in ((STOP, b".!?\n"), (PATH, b"/~\\"), (SYNTAX, b"{}();=<>[]")):
        table[list(members)] = kind
    table[ord('"')], table[ord("'")], table[ord("`")] = DOUBLE, SINGLE, TICK
    return table


CLASS: Final = _classes()


@kernel
def is_digit(data: NDArray[np.uint8], i: int, hi: int) -> bool:
    """Whether an ASCII digit stands at i."""
    return i < hi and 48 <= data[i] <= 57


@kernel
def is_word(data: NDArray[np.uint8], i: int, hi: int) -> bool:
    """Whether an ASCII letter, an ASCII digit or a byte from 0x80 stands at i."""
    return i < hi and CLASS[data[i]] == WORD


@kernel
def is_upper(data: NDArray[np.uint8], i: int, hi: int) -> bool:
    """Whether a capital stands at i: ASCII, Latin-1 or basic Cyrillic."""
    if i >= hi:
        return False
    a, b = data[i], data[i + 1] if i + 1 < hi else np.uint8(0)
    return bool(
        65 <= a <= 90 or (a == 0xC3 and 0x80 <= b <= 0x9E) or (a == 0xD0 and 0x90 <= b <= 0xAF)
    )


@kernel
def wide(data: NDArray[np.uint8], i: int, hi: int) -> tuple[int, int]:
    """(length in bytes, class) of the code point at i, whose first byte is 0x80 or more.

    A truncated or invalid sequence is a word byte by itself.
    """
    b = data[i]
    size = 2 if 0xC2 <= b < 0xE0 else (3 if 0xE0 <= b < 0xF0 else (4 if 0xF0 <= b < 0xF5 else 1))
    if i + size > hi:
        return 1, W_WORD
    for j in range(i + 1, i + size):
        if data[j] & 0xC0 != 0x80:
            return 1, W_WORD
    if size == 4:
        return size, W_ALONE  # emoji, rare CJK
    if size < 3:
        return size, W_BREAK if b == 0xC2 else W_WORD  # U+0080 to U+00BF: signs
    return size, _wide3(b, data[i + 1], data[i + 2])


@kernel
def _wide3(a: int, b: int, c: int) -> int:
    """Class of a three-byte code point."""
    if a == 0xE2:  # U+2000 to U+2FFF: punctuation, symbols
        hidden = (b == 0x80 and (0x8B <= c <= 0x8F or 0xAA <= c <= 0xAE)) or (
            b == 0x81 and 0xA0 <= c <= 0xAF
        )
        return W_SKIP if hidden else W_BREAK
    if a == 0xE3 and b == 0x80:  # CJK punctuation
        return W_BREAK
    if a == 0xEF:  # byte order mark, full-width forms
        if b == 0xBB and c == 0xBF:
            return W_SKIP
        return W_BREAK if b >= 0xBC else W_WORD
    if a <= 0xE1:  # Thai, Lao, Khmer and others, many of them without spaces
        return W_RUN
    return W_ALONE


@kernel
def lower2(a: np.int64, b: np.int64) -> tuple[np.int64, np.int64]:
    """Lower case of a two-byte code point in Latin-1 or basic Cyrillic; others as they are."""
    if a == 0xC3 and 0x80 <= b <= 0x9E and b != 0x97:
        return a, b + 0x20
    if a == 0xD0 and 0x90 <= b <= 0x9F:
        return a, b + 0x20
    if a == 0xD0 and 0xA0 <= b <= 0xAF:
        return np.int64(0xD1), b - 0x20
    return a, b
