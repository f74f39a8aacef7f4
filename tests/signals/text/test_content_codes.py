"""Content codes: against plain integers, and what they promise of near and far prompts."""

import numpy as np
import pyarrow as pa
import pytest
from test_text_hashes import M, mix, word

from iolaus.signals.text import text_features
from iolaus.signals.text.content import MAX_WEIGHT, MIN_WORDS
from iolaus.signals.text.stops import WORDS

SECOND, RECALL = 0x9E3779B97F4A7C15, 256


def codes(*texts):
    batch = text_features(pa.array(texts, pa.string()), pa.nulls(len(texts), pa.string()))
    return list(
        zip(batch["content_low"].to_pylist(), batch["content_high"].to_pylist(), strict=True)
    )


def agreement(left, right):
    """Share of equal bits."""
    a, b = codes(left, right)
    differing = sum(((x ^ y) & M).bit_count() for x, y in zip(a, b, strict=True))
    return 1 - differing / 128


def code(words):
    """The same in plain integers: one counter per direction."""
    sums, seen, first, total = np.zeros(128, np.int64), {}, None, 0
    for text in words:
        h = word(text)
        if seen.get(h % RECALL) == h or total > MAX_WEIGHT:
            continue
        seen[h % RECALL] = h
        weight = 1 if text in WORDS else 2
        lanes = np.array([h, mix(h ^ SECOND)], "<u8").view(np.uint8)
        signs = np.unpackbits(lanes, bitorder="little").astype(np.int64) * 2 - 1
        first = signs if first is None else first
        sums += weight * signs
        total += weight
    bits = np.packbits(np.where(sums == 0, first, sums) > 0, bitorder="little")
    return tuple(bits.view("<i8").tolist())


@pytest.mark.parametrize("count", [3, 4, 5, 8, 30, 700])
@pytest.mark.parametrize("variety", [5, 1000])
def test_the_kernel_agrees_with_plain_integers(count, variety):
    words = [f"{'qvx' * (i % 3 + 1)}{'abcdefghij'[i * 7 % variety % 10]}{'klmn'[i // 10 % 4]}"
             if i % 4 else "the" for i in range(count + 1)]  # fmt: skip
    assert codes(" ".join(words)) == [code(words)]


def test_counters_do_not_overflow():
    """40,000 words of weight 2 come to more than 16 bits hold."""
    digits = str.maketrans("0123456789", "bdfhjlnprt")
    words = [f"{i:05d}".translate(digits) + "padding" for i in range(40_000)]
    assert codes(" ".join(words)) == [code(words)]


def test_too_few_words_have_no_code():
    short, enough, stops, empty, numbers = codes(
        "the photosynthesis of algae", "photosynthesis of green algae", "what is it?", "", "1 2 3 4"
    )
    assert MIN_WORDS == 3
    assert short == stops == empty == numbers == (None, None)
    assert None not in enough


def test_case_order_numbers_and_repetition_change_nothing():
    """No ties here: the weights are odd in sum, so the first word does not matter."""
    one, other = codes(
        "Photosynthesis in green algae: 12 steps",
        "steps green green GREEN in algae in 3,000 photosynthesis",
    )
    assert one == other


def test_a_stop_word_weighs_less_than_another_word():
    text = "Photosynthesis turns light into sugar inside chloroplasts"
    stop, other = agreement(text, text + " because"), agreement(text, text + " orchid")
    assert other < stop


def test_one_subject_is_nearer_than_another():
    subject = "Photosynthesis turns light into sugar inside the chloroplasts of green plants"
    near = "In green plants, chloroplasts use light to make sugar by photosynthesis"
    far = "Refactor this Kotlin coroutine so that the database connection pool is closed"
    assert agreement(subject, near) > agreement(subject, far) + 0.15
    assert abs(agreement(subject, far) - 0.5) < 0.15  # unrelated: half the bits, by chance


def test_the_system_prompt_is_no_part_of_the_code():
    text = "Photosynthesis in green algae"
    batch = text_features(pa.array([text, None]), pa.array(["Speak like a weary pirate", text]))
    assert batch["content_low"].to_pylist() == [codes(text)[0][0], None]


def test_no_direction_is_set_in_nearly_all_codes_or_in_none():
    texts = [
        " ".join(f"{a}{chr(97 + i % 26)}{chr(97 + i // 26)}" for a in ("x", "yy", "zzz", "w"))
        for i in range(600)
    ]
    low = [value & M for value, _ in codes(*texts) if value is not None]
    shares = [sum(v >> d & 1 for v in low) / len(low) for d in range(64)]
    assert len(low) == 600
    assert min(shares) > 0.4
    assert max(shares) < 0.6


GOLDEN = {
    "Write a short poem about the autumn harvest in Normandy": (
        780089866919868766,
        596623822048977054,
    ),
    "Напиши стихотворение про осенний урожай в Нормандии": (
        2004943151243590251,
        -4305899349270316092,
    ),
    "写一首关于秋天的诗": (-6276350503313141702, -6580807068857040393),
}


@pytest.mark.parametrize("text", GOLDEN)
def test_golden_values(text):
    assert codes(text) == [GOLDEN[text]]
