"""Content vectors: against plain Python, as of a day, and with codes of an embedding model."""

from collections import defaultdict

import numpy as np
import pytest
from tests.signals.making import at, prepare

from iolaus import signals
from iolaus.core.errors import InputError
from iolaus.signals.content import CHUNK, DIRECTIONS, SAMPLE, code_bits


def exchanges(seed, accounts=6, days=3, most=60):
    """Accounts of 1 to `most` prompts a day, a tenth without code; the last has none."""
    rng = np.random.default_rng(seed)
    rows = []
    for account in range(accounts):
        for day in range(days):
            for _ in range(int(rng.integers(1, most))):
                coded = account < accounts - 1 and rng.random() > 0.1
                low, high = (int(v) for v in rng.integers(-(2**63), 2**63 - 1, 2))
                rows.append(
                    {
                        "ts": at(day + rng.uniform(0, 1)),
                        "account_id": f"a{account}",
                        "exchange_hash": int(rng.integers(-(2**63), 2**63 - 1)),
                        "prompt_hash": len(rows),
                        "content_low": low if coded else None,
                        "content_high": high if coded else None,
                    }
                )
    return rows


def numbers(engine):
    rows = engine.fetch("SELECT account, account_id FROM accounts").to_pylist()
    return {row["account_id"]: row["account"] for row in rows}


def signs(low, high):
    return [1 if (value >> d) & 1 else -1 for value in (low, high) for d in range(64)]


def sampled(rows):
    """The codes of content_days, recounted: {(account_id, day): [(low, high), ...]}."""
    asked, coded = defaultdict(int), defaultdict(list)
    for row in rows:
        key = (row["account_id"], row["ts"].date())
        asked[key] += 1
        if row["content_low"] is not None:
            coded[key].append((row["exchange_hash"], row["content_low"], row["content_high"]))
    chosen = {}
    for key, found in coded.items():
        step = max(1, asked[key] // (2 * SAMPLE))
        chosen[key] = sorted(c for c in found if (c[0] & (2**30 - 1)) % step == 0)[:SAMPLE]
    return {key: [code[1:] for code in found] for key, found in chosen.items() if found}


@pytest.mark.parametrize("seed", range(2))
def test_days_hold_at_most_a_sample_of_each_accounts_codes(engine, seed):
    rows = exchanges(seed)
    prepare(engine, rows)
    signals.content_days(engine)
    found = engine.fetch(
        "SELECT account_id, day, n, low, high FROM content_days JOIN accounts USING (account)"
    ).to_pylist()
    got = {(r["account_id"], r["day"]): list(zip(r["low"], r["high"], strict=True)) for r in found}
    assert got == sampled(rows)
    assert max(r["n"] for r in found) == SAMPLE
    assert all(r["n"] == len(r["low"]) for r in found)


def test_vectors_are_mean_signs_of_the_days_before(engine):
    rows = exchanges(3)
    prepare(engine, rows)
    signals.content_days(engine)
    known = numbers(engine)
    names = [f"a{i}" for i in (4, 0, 5, 2)]  # any order; a5 has no code
    result = signals.content_vectors(
        engine, at(2).date(), np.array([known[name] for name in names], np.int64)
    )
    days = sampled(rows)
    assert result.vectors.shape == (4, DIRECTIONS) and result.vectors.dtype == np.float32
    for place, name in enumerate(names):
        codes = [c for (a, day), cs in days.items() if a == name and day < at(2).date() for c in cs]
        assert result.counts[place] == len(codes)
        if codes:
            expected = np.mean([signs(*code) for code in codes], axis=0)
            np.testing.assert_allclose(result.vectors[place], expected, atol=1e-6)
        else:
            assert np.isnan(result.vectors[place]).all()
    assert list(result.counts > 0) == [True, True, False, True]


def test_two_windows_add_up_to_the_whole(engine):
    prepare(engine, exchanges(4))
    signals.content_days(engine)
    accounts = np.array([number for name, number in numbers(engine).items() if name != "a5"])
    first = signals.content_vectors(engine, at(1).date(), accounts)
    whole = signals.content_vectors(engine, at(3).date(), accounts)
    later = engine.fetch("SELECT * FROM content_days WHERE day >= $day", {"day": at(1).date()})
    engine.keep("content_days", later)
    rest = signals.content_vectors(engine, at(3).date(), accounts)
    assert (first.counts + rest.counts == whole.counts).all() and (first.counts > 0).all()
    sums = first.vectors * first.counts[:, None] + rest.vectors * rest.counts[:, None]
    np.testing.assert_allclose(sums, whole.vectors * whole.counts[:, None], atol=1e-4)


def test_no_account_and_no_code_are_no_error(engine):
    prepare(engine, [{"ts": at(0), "account_id": "a"}])
    signals.content_days(engine)
    assert signals.content_vectors(engine, at(1).date(), np.arange(0)).vectors.shape == (0, 128)
    assert np.isnan(signals.content_vectors(engine, at(1).date(), np.arange(1)).vectors).all()


def test_chunks_of_codes_do_not_show(engine, monkeypatch):
    prepare(engine, exchanges(5))
    signals.content_days(engine)
    whole = signals.content_vectors(engine, at(3).date(), np.arange(5))
    monkeypatch.setattr("iolaus.signals.content.CHUNK", 7)
    monkeypatch.setattr("iolaus.signals.content.ACCOUNTS_AT_ONCE", 2)
    parts = signals.content_vectors(engine, at(3).date(), np.arange(5))
    assert CHUNK > 7
    np.testing.assert_array_equal(parts.vectors, whole.vectors)


def test_bits_are_in_the_kernels_order():
    bits = code_bits(np.array([1, -(2**63)]), np.array([2, -1]))
    assert [list(np.flatnonzero(row)) for row in bits] == [[0, 65], [63, *range(64, 128)]]


def test_codes_of_a_model_take_the_place_of_the_words(engine):
    rows = [
        {"ts": at(i / 100), "account_id": f"a{i % 3}", "prompt_hash": i, "content_low": 0,
         "content_high": 0, "exchange_hash": i}
        for i in range(30)
    ]  # fmt: skip
    prepare(engine, rows)
    asked = []

    def texts(places):
        asked.extend(places)
        return [None if row % 10 == 0 else f"prompt {row}" for _, row in places]

    def encode(prompts):
        return np.array([[int(p.split()[1]), -1] for p in prompts], np.int64)

    signals.embedded_content(engine, texts, encode)
    signals.content_days(engine, embedded=True)
    found = engine.fetch("SELECT account, n, low, high FROM content_days ORDER BY 1").to_pylist()
    assert len(asked) == 3 * SAMPLE  # not all 30
    kept = {row for row in range(30) if row // 3 < SAMPLE and row % 10}
    assert sorted(low for row in found for low in row["low"]) == sorted(kept)
    assert {high for row in found for high in row["high"]} == {-1}
    again = list(asked)
    signals.embedded_content(engine, texts, encode)
    assert asked == again  # kept, not embedded twice


def test_embedding_goes_on_from_the_last_part_that_stands(engine, monkeypatch):
    """Parts show neither in the table nor in what is left of them; progress counts prompts."""
    rows = [
        {"ts": at(i / 100), "account_id": f"a{i % 3}", "prompt_hash": i, "exchange_hash": i}
        for i in range(20)
    ]
    prepare(engine, rows)
    monkeypatch.setattr("iolaus.signals.content.EMBED_CHUNK", 8)
    monkeypatch.setattr("iolaus.signals.content.ENCODE_AT_ONCE", 5)
    asked, told = [], []

    def encode(prompts):
        asked.extend(prompts)
        return np.array([[int(p), 0] for p in prompts], np.int64)

    def texts(places):
        if len(asked) == 8:
            asked.append("stop")
            raise KeyboardInterrupt
        return [str(row) for _, row in places]

    with pytest.raises(KeyboardInterrupt):
        signals.embedded_content(engine, texts, encode)
    signals.embedded_content(engine, texts, encode, lambda *said: told.append(said))
    assert [a for a in asked if a != "stop"] == [str(row) for row in range(20)]  # each once
    # Of each part left: before it is read, then before each call of the model.
    assert told == [("embed", n, 20) for n in (8, 8, 13, 16, 16, 20)]
    codes = engine.fetch("SELECT * FROM embedded_codes").to_pylist()
    assert [(c["exchange_hash"], c["content_low"]) for c in codes] == [(r, r) for r in range(20)]
    assert [p.stem for p in engine.stages.directory.glob("embedded_codes*")] == ["embedded_codes"]


def test_a_log_without_prompts_embeds_nothing(engine):
    prepare(engine, [{"ts": at(0), "account_id": "a"}])

    def never(*_):
        raise AssertionError("there is no prompt")

    signals.embedded_content(engine, never, never)
    signals.content_days(engine, embedded=True)
    assert engine.fetch("SELECT * FROM content_days").num_rows == 0


def test_too_few_texts_are_an_error(engine):
    prepare(engine, [{"ts": at(0), "account_id": "a", "prompt_hash": 1}])
    with pytest.raises(InputError, match="1 prompts were asked for and 0 came"):
        signals.embedded_content(
            engine, lambda places: [], lambda texts: np.zeros((0, 2), np.int64)
        )
