"""text_features: shape, nulls, skeletons, phrases."""

import pyarrow as pa
import pytest

from iolaus.core.errors import InputError
from iolaus.core.tables import CAPABILITIES, TEXT_FEATURES
from iolaus.signals.text import text_features


def features(prompts, systems=None):
    systems = [None] * len(prompts) if systems is None else systems
    return text_features(pa.array(prompts, pa.string()), pa.array(systems, pa.string())).to_pylist()


def same_skeleton(left, right):
    a, b = features([left, right])
    return a["skeleton"] == b["skeleton"]


def test_one_row_per_request_in_the_contract_schema():
    batch = text_features(pa.array(["a", None, ""]), pa.array([None, "b", ""]))
    assert batch.schema == TEXT_FEATURES
    assert batch.num_rows == 3
    assert text_features(pa.array([], pa.string()), pa.array([], pa.string())).num_rows == 0


def test_nulls_in_nulls_out():
    none, empty, system_only = features([None, "", None], [None, None, "Be brief."])
    assert set(none.values()) == {None}
    assert empty["prompt_chars"] == 0 and empty["prompt_words"] == 0
    assert empty["prompt_hash"] is None and empty["skeleton"] is None
    assert system_only["prompt_hash"] is None and system_only["system_hash"] is not None
    assert len(system_only["phrases"]) == 1


def test_unequal_lengths_are_an_input_error():
    with pytest.raises(InputError, match="2 prompts but 1"):
        text_features(pa.array(["a", "b"]), pa.array(["a"]))


PROMPTS = ["Sum 1 and 2.", None, "Напиши функцию", "", "一步一步 思考", "Sum 1 and 2."]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_any_string_type_gives_the_same(kind):
    plain = text_features(pa.array(PROMPTS), pa.array(PROMPTS[::-1]))
    other = text_features(pa.array(PROMPTS).cast(kind), pa.array(PROMPTS[::-1]).cast(kind))
    assert other.equals(plain)


def test_a_null_inside_a_dictionary_is_a_null():
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array(["Be brief.", None]))
    none = pa.nulls(3, pa.string())
    assert text_features(texts, none).equals(text_features(texts.dictionary_decode(), none))


def test_chunks_views_and_null_columns_are_read():
    plain = text_features(pa.array(PROMPTS), pa.nulls(6, pa.string()))
    chunks = pa.chunked_array([PROMPTS[:2], PROMPTS[2:]])
    assert text_features(chunks, pa.nulls(6)).equals(plain)
    assert text_features(pa.array(PROMPTS, pa.string_view()), pa.nulls(6)).equals(plain)


def test_another_type_is_an_input_error():
    with pytest.raises(InputError, match="prompt: type int64 is no text"):
        text_features(pa.array([1]), pa.nulls(1))


def test_a_slice_gives_the_rows_of_the_slice():
    whole = text_features(pa.array(PROMPTS), pa.array(PROMPTS))
    part = text_features(pa.array(PROMPTS).slice(2, 3), pa.array(PROMPTS).slice(2, 3))
    assert part.to_pylist() == whole.slice(2, 3).to_pylist()


@pytest.mark.parametrize(
    "left, right",
    [
        ("Write a function that adds 3 and 4.", "Write a function that adds 55 and 1,200.5."),
        ('Rate the reply "good dog" from 1 to 10.', 'Rate the reply "a b c" from 1 to 5.'),
        (
            "Fix this:\n```\na = 1\n```\nBe brief.",
            "Fix this:\n```py\nfor x in y: z\n```\nBe brief.",
        ),
        ("Summarise https://a.example/x?y=1 now", "Summarise http://b.example/long/way now"),
        ("who was Ada Lovelace in life", "who was Alan Mathison Turing in life"),
        ("call read_file on it", "call parse_all_rows on it"),
        ("mail bob@x.com today", "mail alice.b@sub.y.org today"),
        ("Say “hello there” twice", "Say “bye” twice"),
        ("Привет, найди 12 рублей", "ПРИВЕТ, найди 99 рублей"),
    ],
)
def test_one_template_one_skeleton(left, right):
    assert same_skeleton(left, right)


@pytest.mark.parametrize(
    "left, right",
    [
        ("Write a function that adds 3 and 4.", "Write a function that multiplies 3 and 4."),
        ("don't stop the dog's walk", "don't pause the dog's walk"),
        ('an "unclosed quote then words', 'an "unclosed quote then others'),
        ("```\nnever closed but read", "```\nnever closed but written"),
        ("how are you", "how are they"),
    ],
)
def test_other_template_other_skeleton(left, right):
    assert not same_skeleton(left, right)


def test_a_pasted_middle_changes_no_skeleton():
    head = (
        "Please read the following article with care and then answer a question about it right now "
    )
    tail = " Now list the main claims of the article in plain words and give a verdict on each one"
    assert same_skeleton(
        head + "cats sleep a lot " * 30 + tail, head + "ships sail far " * 90 + tail
    )


def test_phrases_are_sorted_distinct_and_at_most_24():
    text = " ".join(f"word{chr(97 + i % 26)} {chr(97 + i % 7)}x" for i in range(400))
    (row,) = features([text], [text[::-1]])
    assert row["phrases"] == sorted(set(row["phrases"]))
    assert 16 < len(row["phrases"]) <= 24


def test_an_instruction_is_found_in_either_text():
    fixed = "articulate the reasoning behind this answer before you give it"
    a, b = features([f"why is grass green {fixed}", "what is a tree"], [None, fixed])
    assert set(a["phrases"]) & set(b["phrases"])


def test_slots_alone_are_no_phrase():
    assert features(["12345"])[0]["phrases"] == []


def test_invisible_characters_hide_nothing():
    assert (
        features(["write\u200b co\u202ede"])[0]["skeleton"]
        == features(["write code"])[0]["skeleton"]
    )


def test_trailing_white_space_is_not_content():
    a, b, c = features(["Hi", "Hi \n", " Hi"])
    assert a["prompt_hash"] == b["prompt_hash"] != c["prompt_hash"]
    assert b["prompt_chars"] == 4


def test_capability_is_the_best_of_the_bits():
    rows = features(
        ["Write a Python function.", "when is easter", "Think step by step.", "图片"], [None] * 4
    )
    assert [r["capability"] for r in rows] == [
        "software_engineering",
        "ordinary",
        "chain_of_thought",
        "vision",
    ]
    for row in rows:
        assert row["capability_bits"] >> CAPABILITIES.index(row["capability"]) & 1
