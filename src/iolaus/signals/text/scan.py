"""The tokeniser: one pass over the bytes of each text, in time linear in them.

Quotes and fences are looked ahead for, within bounds; what a failed look-ahead has passed is
remembered (BARREN), so that no byte is searched twice for the same mark.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel

from . import chars
from .chars import CLASS, is_digit, is_upper, is_word, lower2, wide
from .content import MIN_WORDS, count_content, majority
from .hashing import FACTOR, WORD_SEED, exact, mix
from .tokens import (
    BARREN,
    CONTENT_WORDS,
    FENCE,
    M_SIZE,
    MASKED_TO,
    NUMBER,
    SCORES,
    SEEN,
    SENTENCE,
    SLOT,
    SYNTAX_BYTES,
    SYNTAX_HEAVY,
    TICKED,
    TOKENS,
    WORDS,
    Counters,
    Lexicon,
    Memory,
    emit,
    look_up,
    reset,
    skeleton,
    sketch,
)

MAX_WORD = 64  # bytes; a longer run is cut, so that one giant word still gives shingles
RUN_POINTS = 4  # code points per token in scripts without spaces other than CJK
MAX_QUOTE = 300  # bytes; an unclosed quote swallows nothing, a closed one at most this
MAX_ADDRESS = 2048  # bytes of a URL, path or e-mail address
SYNTAX_MIN, SYNTAX_SHARE = 12, 25  # brackets and the like: at least 12 and one byte in 25

# Kinds of quotation marks, and their closing bytes (0 = none).
Q_DOUBLE, Q_SINGLE, Q_CURLY, Q_ANGLE, Q_CORNER, Q_TICK, Q_FENCE = range(7)
CLOSERS: Final = np.array(
    [
        [0x22, 0, 0],  # "
        [0x27, 0, 0],  # '
        [0xE2, 0x80, 0x9D],  # right double quotation mark
        [0xC2, 0xBB, 0],  # right guillemet
        [0xE3, 0x80, 0x8D],  # right corner bracket
        [0x60, 0, 0],  # `
        [0x60, 0x60, 0x60],  # ```
    ],
    dtype=np.uint8,
)

Keys = NDArray[np.uint64]
Terms = NDArray[np.int64]  # both: tokens.Lexicon


class Scanned(NamedTuple):
    """What the kernel says of each text, row by row."""

    exact: NDArray[np.int64]
    chars: NDArray[np.int32]
    words: NDArray[np.int32]
    skeleton: NDArray[np.int64]
    empty: NDArray[np.bool_]  # no text: missing, or white space only
    bare: NDArray[np.bool_]  # no token: punctuation only, so no skeleton
    phrases: NDArray[np.uint64]  # texts x k, unsorted
    sizes: NDArray[np.int32]  # how many of each row of `phrases` are set
    scores: NDArray[np.int32]  # texts x capabilities, in tenths
    codes: NDArray[np.int64]  # texts x 2: the content code's lanes
    thin: NDArray[np.bool_]  # too few words for a content code


@kernel
def _closes(data: NDArray[np.uint8], i: int, hi: int, kind: int) -> int:
    """Length of the closing mark of `kind` at byte i, 0 if it is none."""
    if data[i] != CLOSERS[kind, 0]:
        return 0
    size = 1
    while size < 3 and CLOSERS[kind, size] != 0:
        if i + size >= hi or data[i + size] != CLOSERS[kind, size]:
            return 0
        size += 1
    if kind == Q_SINGLE and is_word(data, i + 1, hi):
        return 0  # an apostrophe
    return size


@kernel
def _close(data: NDArray[np.uint8], i: int, hi: int, kind: int, c: Counters) -> int:
    """Byte after the closing mark, or -1 if none stands near enough."""
    end = hi if kind == Q_FENCE else min(hi, i + MAX_QUOTE)
    j: int = max(i, c[BARREN + kind])
    while j < end:
        size = _closes(data, j, hi, kind)
        if size > 0:
            return j + size
        if data[j] == 10 and kind in (Q_SINGLE, Q_TICK):
            break  # these two stay on their line
        j += 1
    c[BARREN + kind] = j
    return -1


@kernel
def _quote(
    data: NDArray[np.uint8], i: int, size: int, hi: int, kind: int, c: Counters, m: Memory
) -> bool:
    """Mask what stands between the mark of `size` bytes at i and its closing mark, if any."""
    if i < c[MASKED_TO]:
        return False
    end = _close(data, i + size, hi, kind, c)
    if end < 0:
        return False
    c[MASKED_TO] = end
    emit(SLOT, c, m)
    return True


@kernel
def _mask_address(data: NDArray[np.uint8], i: int, hi: int, c: Counters) -> None:
    """Mask from i to the next white space, quote or bracket."""
    end = min(hi, i + MAX_ADDRESS)
    while i < end and data[i] > 32 and data[i] not in (34, 39, 60, 62, 41, 93, 125, 96):
        i += 1
    c[MASKED_TO] = max(c[MASKED_TO], i)


@kernel
def _mask_identifier(data: NDArray[np.uint8], i: int, hi: int, c: Counters) -> None:
    """Mask the rest of a snake_case name."""
    while i < hi and i < c[MASKED_TO] + MAX_ADDRESS and (is_word(data, i, hi) or data[i] == 95):
        i += 1
    c[MASKED_TO] = max(c[MASKED_TO], i)


@kernel
def _is_compound(data: NDArray[np.uint8], start: int, j: int, hi: int, c: Counters) -> bool:
    """Whether the word start..j begins an address, file or snake_case name; masks the rest."""
    if j + 1 >= hi or j < c[MASKED_TO]:
        return False
    b = data[j]
    if b == 95 and is_word(data, j + 1, hi):
        c[MASKED_TO] = j
        _mask_identifier(data, j, hi, c)
        return True
    link = b == 58 and j + 2 < hi and data[j + 1] == 47 and data[j + 2] == 47  # ://
    mail = b == 64 and is_word(data, j + 1, hi)  # @
    dotted = b == 46 and j - start > 1 and 97 <= data[j + 1] <= 122  # main.py, example.com
    if link or mail or dotted:
        _mask_address(data, j, hi, c)
        return True
    return False


@kernel
def _number_end(data: NDArray[np.uint8], j: int, hi: int) -> int:
    """End of a number like 1,234.56, 12:30 or 2024-01-05 whose first digits end at j."""
    while j + 1 < hi and data[j] in (44, 45, 46, 47, 58) and is_digit(data, j + 1, hi):
        j += 1
        while is_digit(data, j, hi):
            j += 1
    return j


@kernel
def _word(
    data: NDArray[np.uint8],
    i: int,
    hi: int,
    text: int,
    keys: Keys,
    terms: Terms,
    c: Counters,
    m: Memory,
) -> int:
    """Read the word or number at byte i and hand it on; byte after it."""
    h, j, limit = WORD_SEED, i, min(hi, i + MAX_WORD)
    letters, digits, lowers, camel, points = 0, 0, 0, False, 0
    capital = is_upper(data, i, hi)
    while j < limit:
        b = np.int64(data[j])
        if b < 128:
            if CLASS[b] != chars.WORD:
                break
            if b <= 57:
                digits += 1
            else:
                letters += 1
                if b >= 97:
                    lowers += 1
                else:
                    camel = camel or lowers > 0
                    b += 32
            h = (h ^ np.uint64(b)) * FACTOR
            j += 1
            continue
        size, kind = wide(data, j, hi)
        if kind == chars.W_BREAK or (kind == chars.W_ALONE and j > i):
            break
        if kind != chars.W_SKIP:
            h = _wide_bytes(data, j, size, h)
            letters, lowers = letters + 1, lowers + 1
        j += size
        points += 1 if kind == chars.W_RUN else 0
        if kind == chars.W_ALONE or points == RUN_POINTS:
            break
    if letters == 0 and digits > 0:
        j = _number_end(data, j, hi)
    name = capital and (letters > 1) and lowers > 0 and c[SENTENCE] == 0
    masked = i < c[MASKED_TO]
    slot = digits > 0 or name or camel or masked
    c[WORDS] += 1
    c[SENTENCE] = 0
    if not masked and _is_compound(data, i, j, hi, c):
        slot = True
    h = NUMBER if letters == 0 else mix(h)
    if letters > 0:
        count_content(h, c, m)
    look_up(h, text, keys, terms, c, m)
    emit(SLOT if slot else h, c, m)
    return j


@kernel
def _wide_bytes(data: NDArray[np.uint8], j: int, size: int, h: np.uint64) -> np.uint64:
    """Take the lower-cased bytes of the code point at j into the word's hash."""
    if size == 2:
        a, b = lower2(np.int64(data[j]), np.int64(data[j + 1]))
        return (((h ^ np.uint64(a)) * FACTOR) ^ np.uint64(b)) * FACTOR
    for k in range(j, j + size):
        h = (h ^ np.uint64(data[k])) * FACTOR
    return h


@kernel
def _mark(
    data: NDArray[np.uint8],
    i: int,
    lo: int,
    hi: int,
    text: int,
    keys: Keys,
    terms: Terms,
    c: Counters,
    m: Memory,
) -> int:
    """Handle the ASCII byte at i that belongs to no word; byte after it."""
    kind = CLASS[data[i]]
    after_word = i > lo and is_word(data, i - 1, hi)
    if kind == chars.STOP:
        c[SENTENCE] = 1
    elif kind == chars.SYNTAX:
        c[SYNTAX_BYTES] += 1
    elif kind == chars.DOUBLE and not after_word:
        _quote(data, i, 1, hi, Q_DOUBLE, c, m)
    elif kind == chars.SINGLE and not after_word:
        _quote(data, i, 1, hi, Q_SINGLE, c, m)
    elif kind == chars.TICK:
        return _ticks(data, i, hi, text, keys, terms, c, m)
    elif kind == chars.PATH and not after_word and i >= c[MASKED_TO]:
        _path(data, i, hi, c)
    return i + 1


@kernel
def _path(data: NDArray[np.uint8], i: int, hi: int, c: Counters) -> None:
    """Mask a path that begins at i, as in /usr/bin, ~/x or \\\\host."""
    if is_word(data, i + 1, hi) or (i + 1 < hi and data[i + 1] in (47, 92)):
        _mask_address(data, i, hi, c)


@kernel
def _ticks(
    data: NDArray[np.uint8],
    i: int,
    hi: int,
    text: int,
    keys: Keys,
    terms: Terms,
    c: Counters,
    m: Memory,
) -> int:
    """Handle the run of back-ticks at i: a fence, inline code or noise; byte after it."""
    j = i
    while j < hi and data[j] == 96:
        j += 1
    if j - i >= 3:
        look_up(FENCE, text, keys, terms, c, m)
        _quote(data, i, j - i, hi, Q_FENCE, c, m)
        c[SENTENCE] = 1
    elif j - i == 1 and _quote(data, i, 1, hi, Q_TICK, c, m):
        look_up(TICKED, text, keys, terms, c, m)
    return j


@kernel
def _wide_mark(data: NDArray[np.uint8], i: int, size: int, hi: int, c: Counters, m: Memory) -> None:
    """Handle the code point at i that ends words: opening quotes and sentence ends."""
    a, b = data[i], data[i + 1]
    last = data[i + 2] if size == 3 else 0
    if a == 0xE2 and b == 0x80 and last == 0x9C:
        _quote(data, i, size, hi, Q_CURLY, c, m)
    elif a == 0xC2 and b == 0xAB:
        _quote(data, i, size, hi, Q_ANGLE, c, m)
    elif a == 0xE3 and b == 0x80 and last == 0x8C:
        _quote(data, i, size, hi, Q_CORNER, c, m)
    elif a == 0xC2 and (b == 0xBF or b == 0xA1):
        c[SENTENCE] = 1  # Spanish: inverted marks open a sentence


@kernel
def scan_text(
    data: NDArray[np.uint8],
    lo: int,
    hi: int,
    text: int,
    keys: Keys,
    terms: Terms,
    c: Counters,
    m: Memory,
) -> None:
    """Read the text data[lo:hi] into the scratch."""
    reset(lo, c, m)
    i = lo
    while i < hi:
        b = data[i]
        if b >= 128:
            size, kind = wide(data, i, hi)
            if kind == chars.W_BREAK or kind == chars.W_SKIP:
                if kind == chars.W_BREAK:
                    _wide_mark(data, i, size, hi, c, m)
                i += size
            else:
                i = _word(data, i, hi, text, keys, terms, c, m)
        elif CLASS[b] == chars.WORD:
            i = _word(data, i, hi, text, keys, terms, c, m)
        elif CLASS[b] == chars.SEPARATOR:
            i += 1
        else:
            i = _mark(data, i, lo, hi, text, keys, terms, c, m)
    if c[SYNTAX_BYTES] >= SYNTAX_MIN and c[SYNTAX_BYTES] * SYNTAX_SHARE >= hi - lo:
        look_up(SYNTAX_HEAVY, text, keys, terms, c, m)


@kernel
def scan(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    valid: NDArray[np.bool_],
    lexicon: Lexicon,
    out: Scanned,
) -> None:
    """Fill `out`, one row per text data[offsets[r]:offsets[r + 1]]."""
    c = np.full(SEEN + lexicon.size, -1, np.int64)
    m = np.zeros(M_SIZE, np.uint64)
    keys, terms = lexicon.keys, lexicon.terms
    empty, bare, phrases, scores = out.empty, out.bare, out.phrases, out.scores
    codes, thin = out.codes, out.thin
    for r in range(len(valid)):
        empty[r] = True
        bare[r] = True
        thin[r] = True
        if not valid[r]:
            continue
        lo, hi = offsets[r], offsets[r + 1]
        out.chars[r] = hi - lo
        while hi > lo and data[hi - 1] <= 32:
            hi -= 1  # trailing white space is no part of the text
        if hi == lo:
            continue
        empty[r] = False
        out.exact[r] = np.int64(exact(data, lo, hi))
        scan_text(data, lo, hi, r, keys, terms, c, m)
        out.words[r] = c[WORDS]
        bare[r] = c[TOKENS] == 0
        out.skeleton[r] = np.int64(skeleton(c, m))
        out.sizes[r] = sketch(c, m, phrases[r])
        thin[r] = c[CONTENT_WORDS] < MIN_WORDS
        for lane in range(2):
            codes[r, lane] = np.int64(majority(lane, c, m))
        for j in range(SEEN - SCORES):
            scores[r, j] = c[SCORES + j]
