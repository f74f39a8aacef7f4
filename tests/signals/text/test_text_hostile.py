"""Hostile input: no crash, no index out of bounds, the same with and without JIT."""

import json
import os
import subprocess
import sys
from pathlib import Path

import hostile_texts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent


def test_plain_python_with_index_checks_says_the_same():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / "hostile_texts.py")],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        check=True,
    )
    assert json.loads(run.stdout) == hostile_texts.features(hostile_texts.texts())


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=80), st.text(max_size=40).map(lambda s: s.encode("utf-8", "ignore"))
        ),
        max_size=6,
    )
)
def test_neighbours_in_a_batch_do_not_matter(raw):
    """A read beyond a text's end would take its neighbour's bytes."""
    together = hostile_texts.features(raw)
    assert together == [hostile_texts.features([text])[0] for text in raw]
    for row in together:
        assert row["phrases"] is None or len(row["phrases"]) <= 24


MEGABYTE = 1 << 20
GIANTS = [
    b"`", b"``` ", b'"a ', b" 'a", b"\xe2\x80\x9c", b"\xc2\xab a", b"w", b"1.", b"a_", b"/a ",
    b"\x00", b"\xff", b"\xe2\x80\xae", b"http://", "\u4e00".encode(), b"a@b ", b"`a",
]  # fmt: skip


@pytest.mark.parametrize("unit", GIANTS, ids=repr)
def test_ten_megabytes_of_one_thing(unit):
    text = unit * (10 * MEGABYTE // len(unit))
    (row,) = hostile_texts.features([text])
    assert row["prompt_chars"] == len(text)
