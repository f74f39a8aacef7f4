"""The hashes, written a second time in plain Python integers, and their golden values."""

import pyarrow as pa
import pytest

from iolaus.signals.text import text_features

M = 2**64 - 1
FACTOR, SEED, SLOT = 0x9FB21C651E98DF25, 0xCBF29CE484222325, 0x510751075107


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & M
    x = (x ^ x >> 27) * 0x94D049BB133111EB & M
    return x ^ x >> 31


def join(left, right):
    return mix(left * FACTOR & M ^ right)


def word(text):
    h = SEED
    for byte in text.encode():
        h = (h ^ byte) * FACTOR & M
    return mix(h)


def exact(data):
    h = mix(len(data))
    for i in range(0, len(data), 8):
        h = (h ^ int.from_bytes(data[i : i + 8], "little")) * FACTOR & M
        h ^= h >> 32
    return mix(h)


def skeleton(tokens):
    h = 0
    for token in tokens if len(tokens) <= 32 else tokens[:16] + tokens[-16:]:
        h = join(h, token)
    return mix(h ^ min(len(tokens), 33))


def shingles(tokens):
    if len(tokens) < 5:
        windows = [tokens] if any(t != SLOT for t in tokens) else []
    else:
        windows = [tokens[i : i + 5] for i in range(len(tokens) - 4)]
        windows = [w for w in windows if sum(t != SLOT for t in w) >= 3]
    out = []
    for window in windows:
        h = SEED
        for token in window:
            h = (h * FACTOR + token) & M
        out.append(mix(h))
    return out


def sketch(tokens, k):
    """Edges: the 4 (k / 4) smallest of the first and of the last 32 windows, then of all."""
    windows = [shingles(tokens[i : i + 5]) for i in range(max(1, len(tokens) - 4))]
    out = []
    every = [h for w in windows for h in w]
    for edge in (windows[:32], windows[-32:]):
        out += sorted({h for w in edge for h in w})[: k // 4]
    out = list(dict.fromkeys(out))
    out += [h for h in sorted(set(every)) if h not in out]
    return out[:k]


def signed(h):
    return h - 2**64 if h >= 2**63 else h


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 15, 16, 17, 31, 32, 33, 36, 37, 68, 69, 500])
@pytest.mark.parametrize("variety", [3, 1000])
def test_the_kernel_agrees_with_plain_integers(count, variety):
    words = [f"{i * 7919 % variety}" if i % 6 == 5 else "abcdefghij"[i * 7 % 10] * (
        i * 13 % variety % 9 + 1) + "klmno"[i // 10 % 5] for i in range(count)]  # fmt: skip
    text = " ".join(words)
    (row,) = text_features(pa.array([text]), pa.array([text])).to_pylist()
    tokens = [SLOT if w.isdigit() else word(w) for w in words]
    assert row["prompt_hash"] == row["system_hash"] == signed(exact(text.encode()))
    assert row["skeleton"] == row["system_skeleton"] == signed(skeleton(tokens))
    expected = {signed(h) for h in [*sketch(tokens, 16), *sketch(tokens, 8)]}
    assert row["phrases"] == sorted(expected)
    assert row["prompt_words"] == count


GOLDEN = {
    "a": (-4703245193128484905, -2907635947615904258, [-7581495626976797515]),
    "Write a function that adds 3 and 4.": (
        -5159441448212419172,
        5989805789175518125,
        [-5148102914530958746, -1846839314101851158, 1380129084737478558, 6785543213316303312],
    ),
    "Привет, 世界! “quoted” ```x``` http://a.b": (
        4053629243604015493,
        -3892412531541379312,
        [2427036711552811458],
    ),
}


@pytest.mark.parametrize("text", GOLDEN)
def test_golden_values(text):
    (row,) = text_features(pa.array([text]), pa.array([None], pa.string())).to_pylist()
    assert (row["prompt_hash"], row["skeleton"], row["phrases"]) == GOLDEN[text]
