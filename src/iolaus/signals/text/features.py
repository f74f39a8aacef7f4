"""Arrow arrays in, Arrow batch out: the kernel around its buffers."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from iolaus.core.compiled import kernel
from iolaus.core.errors import InputError
from iolaus.core.tables import CAPABILITIES, TEXT_FEATURES

from .lexicon import default_lexicon
from .scan import Scanned, scan
from .tokens import K_PROMPT, K_SYSTEM

ORDINARY: Final = CAPABILITIES.index("ordinary")
TEXT_TYPES: Final = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_null,  # a column without any text
)
ENOUGH = 10  # tenths: one strong term or two medium ones
LONG_WORDS = 160  # a text this long needs more than ENOUGH: chance hits grow with length
SYSTEM_SHARE = 2  # the system prompt's score counts 1 / 2: it says what the product is for


def text_features(prompt: pa.Array, system_prompt: pa.Array) -> pa.RecordBatch:
    """Features of each request, from its last user message and its system prompt.

    In: two arrays of equal length, string, large_string, string_view or dictionaries of them.
    Out: core.tables.TEXT_FEATURES, one row per request in the same order; null where no text was.
    """
    if len(prompt) != len(system_prompt):
        raise InputError(
            f"{len(prompt)} prompts but {len(system_prompt)} system prompts",
            next_step="Pass two columns of one batch.",
        )
    prompt, system_prompt = _plain(prompt, "prompt"), _plain(system_prompt, "system_prompt")
    user, user_row = _scan(prompt, K_PROMPT)
    system, system_row = _scan(system_prompt, K_SYSTEM)
    merged = _Merged(len(prompt))
    _merge(user, user_row, system, system_row, merged.bits, merged.best, *merged.lists)
    no_user, no_system = user.empty[user_row], system.empty[system_row]
    no_text = no_user & no_system
    absent = _absent(prompt)
    columns = [
        pa.array(user.exact[user_row], mask=no_user),
        pa.array(user.chars[user_row], mask=absent),
        pa.array(user.words[user_row], mask=absent),
        pa.array(user.skeleton[user_row], mask=user.bare[user_row]),
        pa.array(system.exact[system_row], mask=no_system),
        pa.array(system.skeleton[system_row], mask=system.bare[system_row]),
        _list_array(merged, no_text),
        pc.take(pa.array(CAPABILITIES), pa.array(merged.best, mask=no_text)),
        pa.array(merged.bits, mask=no_text),
        *(pa.array(user.codes[user_row, lane], mask=user.thin[user_row]) for lane in range(2)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TEXT_FEATURES)


def warm_up() -> None:
    """Compile, or load from numba's cache, everything that text_features runs."""
    text_features(pa.array(["a b"]), pa.array([None], pa.string()))


class _Merged:
    """Room for what comes of both texts of each request."""

    def __init__(self, rows: int) -> None:
        self.bits = np.zeros(rows, np.int32)
        self.best = np.zeros(rows, np.int32)
        self.offsets = np.zeros(rows + 1, np.int32)
        self.values = np.zeros(rows * (K_PROMPT + K_SYSTEM), np.int64)
        self.lists = (self.offsets, self.values)


def _list_array(merged: _Merged, mask: NDArray[np.bool_]) -> pa.Array:
    values = pa.array(merged.values[: merged.offsets[-1]])
    if not len(mask):
        return pa.array([], pa.list_(pa.int64()))
    return pa.ListArray.from_arrays(pa.array(merged.offsets), values, mask=pa.array(mask))


def _plain(texts: pa.Array, column: str) -> pa.Array:
    """One array of strings, or a dictionary of them without a null among its values."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if pa.types.is_dictionary(texts.type) and texts.dictionary.null_count:
        texts = texts.dictionary_decode()
    kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
    if not any(check(kind) for check in TEXT_TYPES):
        raise InputError(f"type {texts.type} is no text", where=column, next_step="Cast it first.")
    return texts


def _absent(texts: pa.Array) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = pc.is_null(texts).to_numpy(zero_copy_only=False)
    return flags


def _scan(texts: pa.Array, k: int) -> tuple[Scanned, NDArray[np.int64]]:
    """Scan each distinct dictionary value, or each text; and the scanned row of each text."""
    if not pa.types.is_dictionary(texts.type) and k == K_SYSTEM:
        texts = texts.dictionary_encode()  # few distinct system prompts, each sent many times
    if pa.types.is_dictionary(texts.type):
        missing = len(texts.dictionary)  # one more row, for the nulls
        values = pa.concat_arrays([texts.dictionary, pa.nulls(1, texts.dictionary.type)])
        rows = pc.fill_null(texts.indices.cast(pa.int64()), missing).to_numpy()
        return _scan_values(values, k), rows
    return _scan_values(texts, k), np.arange(len(texts), dtype=np.int64)


def _scan_values(texts: pa.Array, k: int) -> Scanned:
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        texts = texts.cast(pa.large_string())
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    rows = len(texts)
    _, offsets_buffer, data_buffer = texts.buffers()
    offsets = np.zeros(rows + 1, np.int64)
    if offsets_buffer is not None and offsets_buffer.size:
        whole = np.frombuffer(offsets_buffer, dtype=width)
        offsets = whole[texts.offset : texts.offset + rows + 1].astype(np.int64)
    data = np.frombuffer(data_buffer or b"", dtype=np.uint8)
    data.flags.writeable = False  # one type for numba, so one compilation
    out = _room(rows, k)
    scan(data, offsets, ~_absent(texts), default_lexicon(), out)
    return out


def _room(rows: int, k: int) -> Scanned:
    return Scanned(
        np.zeros(rows, np.int64),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int64),
        np.ones(rows, np.bool_),
        np.ones(rows, np.bool_),
        np.zeros((rows, k), np.uint64),
        np.zeros(rows, np.int32),
        np.zeros((rows, len(CAPABILITIES)), np.int32),
        np.zeros((rows, 2), np.int64),
        np.ones(rows, np.bool_),
    )


@kernel
def _merge(
    user: Scanned,
    user_row: NDArray[np.int64],
    system: Scanned,
    system_row: NDArray[np.int64],
    bits: NDArray[np.int32],
    best: NDArray[np.int32],
    offsets: NDArray[np.int32],
    values: NDArray[np.int64],
) -> None:
    """Bring both texts of each request together: capability, and the union of the sketches."""
    size = 0
    for r in range(len(user_row)):
        u, v = user_row[r], system_row[r]
        bits[r], best[r] = _capability(
            user.scores[u], user.words[u], system.scores[v], system.words[v]
        )
        start = size
        size = _union(user.phrases[u], user.sizes[u], values, start, size)
        size = _union(system.phrases[v], system.sizes[v], values, start, size)
        offsets[r + 1] = size


@kernel
def _union(
    phrases: NDArray[np.uint64], count: int, values: NDArray[np.int64], start: int, size: int
) -> int:
    """Insert `count` phrases into the sorted, distinct values[start:size]; new size."""
    for j in range(count):
        value = np.int64(phrases[j])
        at = size
        while at > start and values[at - 1] >= value:
            at -= 1
        if at < size and values[at] == value:
            continue
        for m in range(size, at, -1):
            values[m] = values[m - 1]
        values[at] = value
        size += 1
    return size


@kernel
def _score(points: int, words: int) -> float:
    """Points of a text, less for a longer one: divided by 1 at LONG_WORDS, 2 at 4 times that."""
    score: float = points / max(1.0, np.sqrt(words / LONG_WORDS))
    return score


@kernel
def _capability(
    user: NDArray[np.int32], user_words: int, system: NDArray[np.int32], system_words: int
) -> tuple[int, int]:
    """(bits, number of the best); ORDINARY where nothing reaches ENOUGH."""
    bits, best, top = 0, ORDINARY, float(ENOUGH)
    for c in range(ORDINARY):
        score = _score(user[c], user_words) + _score(system[c], system_words) / SYSTEM_SHARE
        if score >= ENOUGH:
            bits |= 1 << c
            if score > top or best == ORDINARY:
                best, top = c, score
    return (bits, best) if bits else (1 << ORDINARY, ORDINARY)
