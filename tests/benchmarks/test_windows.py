"""The window benchmark: windows, calibration, the peer against plain arithmetic, the split."""

import numpy as np
import pytest
from benchmarks.windows import cells as plan
from benchmarks.windows.draw import auroc, p_values, parted, windows
from benchmarks.windows.known import Known, logistic
from benchmarks.windows.mmd import MULTIPLES, PART, PARTS, Mmd, Seen
from benchmarks.windows.page import TABLES, filled
from benchmarks.windows.prompts import ATTACKS, BENIGN, HONEST_NEW, Prompts, families, split
from benchmarks.windows.shift import HALVES, Shift
from benchmarks.windows.vectors import hashed


def unit(rows: int, width: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.standard_normal((rows, width)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def halved(prompts: int, count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Parts of prompts that have no near-copies and one source."""
    return parted(np.arange(prompts), np.full(prompts, "a"), count, share, rng)


def test_windows_hold_the_share_that_was_asked_for() -> None:
    made = windows(80, 20, 40, 0.25, 50, np.random.default_rng(1))
    assert set(np.unique(made)) == {0.0, 1.0}
    assert (made[:, :80].sum(1) == 30).all()
    assert (made[:, 80:].sum(1) == 10).all()
    assert len({row.tobytes() for row in made}) == 50


def test_p_values_are_ranks_and_ties_count_against_the_window() -> None:
    null = np.array([1.0, 2.0, 2.0, 3.0])
    assert p_values(np.array([0.5, 2.0, 3.5]), null).tolist() == [1.0, 0.8, 0.2]


def test_auroc_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 9, 40).astype(float), rng.integers(2, 12, 30).astype(float)
    pairs = (b[:, None] > a) + 0.5 * (b[:, None] == a)
    assert auroc(a, b) == pytest.approx(pairs.mean())


def test_near_copies_stay_together_and_strangers_do_not() -> None:
    texts = [
        "Please translate the following sentence about the old harbour town into French for me",
        "Please translate the following sentence about the old harbour town into French for us",
        "Write a short story in which a clock maker loses the only key of the tower",
        "who won the cup in 1998",
        "who won the cup in 2002",
    ]
    family = families(texts)
    assert family[0] == family[1]
    assert family[3] == family[4]  # one skeleton: only the number differs
    assert len(set(family.tolist())) == 3


def test_no_family_stands_in_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.windows.prompts.COUNTS", (200, 200, 200))
    rng = np.random.default_rng(3)
    source = np.repeat([*BENIGN, *ATTACKS, HONEST_NEW], 300)
    family = np.repeat(np.arange(source.size // 3), 3)  # threes, none across two sources
    parts = split(Prompts([""] * source.size, source, family), rng)
    sets = [set(family[rows]) for rows in (parts.reference, parts.calibration, parts.test)]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert not set(family[parts.known["alpaca_libre"]]) & set(family[parts.attack["alpaca_libre"]])
    for rows in (parts.reference, parts.calibration, parts.test):
        assert abs(rows.size - 200) <= 9  # up to a family at each edge of each source
        assert abs((source[rows] == "arena").sum() - 200 / 3) <= 3


def test_a_family_is_never_cut_by_a_half() -> None:
    family = np.repeat(np.arange(50), 4)
    source = np.repeat(["a", "b"], [40, 160])
    halves = parted(family, source, 10, 0.5, np.random.default_rng(4))
    for half in halves:
        assert {len(set(half[family == name])) for name in range(50)} == {1}
        assert half[source == "a"].sum() == 20
        assert half[source == "b"].sum() == 80
    assert len({half.tobytes() for half in halves}) == 10


def plain_mmd(x: np.ndarray, y: np.ndarray, sigma: float) -> float:
    """Unbiased MMD^2 by its definition, in double precision."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        squares = ((a[:, None, :].astype(float) - b[None, :, :]) ** 2).sum(2)
        return np.mean([np.exp(-squares / (2 * (m * sigma) ** 2)) for m in MULTIPLES], axis=0)

    def inside(a: np.ndarray) -> float:
        k = kernel(a, a)
        return (k.sum() - np.trace(k)) / (len(a) * (len(a) - 1))

    return float(inside(x) + inside(y) - 2 * kernel(x, y).mean())


def test_the_peer_is_the_mmd_of_its_definition() -> None:
    rng = np.random.default_rng(5)
    vectors, pool, rows = unit(200, 12, rng), np.arange(120), np.arange(120, 200)
    peer = Mmd(vectors, pool, halved(120, PARTS, PART, rng), (10,), rng)
    picked = windows(80, 0, 10, 0.0, 3, rng)
    seen: Seen = peer.prepare(rows)
    scores, p = peer.score(seen, picked, "exact", rng)
    for part, (mark, score) in enumerate(zip(picked, scores, strict=True)):
        rest = vectors[pool[peer._rest[part] == 1.0]]
        assert score == pytest.approx(
            plain_mmd(rest, vectors[rows[mark == 1.0]], peer.sigma), abs=1e-5
        )
    assert ((p > 0) & (p <= 1)).all()
    paper, _ = peer.score(seen, picked, "paper", rng)
    assert abs(paper.mean() - scores.mean()) < 0.05
    more = peer.extend(peer.prepare(rows[:50]), rows[:50], rows[50:])
    again, _ = peer.score(more, picked, "exact", rng)
    assert again == pytest.approx(scores, abs=1e-5)


def fitted(rng: np.random.Generator) -> tuple[Shift, np.ndarray]:
    """A detector whose columns differ in spread by a thousand; attackers shift a narrow one."""
    columns = rng.standard_normal((3_400, 30)).astype(np.float32) * np.geomspace(10, 0.3, 30)
    columns[3_000:, 20] += 1.5
    benign = np.arange(3_000)
    halves = halved(1_000, HALVES, 0.5, rng)
    made = Shift([(1.0, columns.astype(np.float32))], benign[:1_000], benign[1_000:2_000], halves,
                 (100,), rng)  # fmt: skip
    return made, np.concatenate([benign[2_000:], np.arange(3_000, 3_400)])


def test_benign_windows_reach_a_level_about_as_often_as_it_says() -> None:
    rates = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        detector, rows = fitted(rng)
        picked = windows(1_000, 0, 100, 0.0, 100, rng)
        _, p = detector.score(detector.prepare(rows[:1_000]), picked)
        rates.append((p <= 0.1).mean())
    assert 0.05 < np.mean(rates) < 0.15


def test_a_shift_in_a_narrow_direction_is_seen() -> None:
    rng = np.random.default_rng(7)
    detector, rows = fitted(rng)
    benign, _ = detector.score(detector.prepare(rows), windows(1_000, 400, 100, 0.0, 100, rng))
    mixed, p = detector.score(detector.prepare(rows), windows(1_000, 400, 100, 0.5, 100, rng))
    assert auroc(benign, mixed) > 0.95
    assert (p <= 0.05).mean() > 0.8


def test_a_block_of_no_weight_changes_nothing() -> None:
    rng = np.random.default_rng(8)
    columns, noise = unit(900, 10, rng), unit(900, 4, rng)
    halves = halved(300, HALVES, 0.5, rng)
    rows, picked = np.arange(600, 900), windows(300, 0, 50, 0.0, 20, rng)
    found = []
    for weight in (None, 0.0, 1.0):
        blocks = [(1.0, columns)] + ([] if weight is None else [(weight, noise)])
        made = Shift(blocks, np.arange(300), np.arange(300, 600), halves, (50,),
                     np.random.default_rng(9))  # fmt: skip
        found.append(made.score(made.prepare(rows), picked)[0])
    assert found[1] == pytest.approx(found[0], abs=1e-4)
    assert np.abs(found[2] - found[0]).max() > 0.1


def test_logistic_gives_the_odds_of_balanced_classes() -> None:
    rng = np.random.default_rng(10)
    benign = rng.standard_normal((4_000, 2)).astype(np.float32)
    attack = (rng.standard_normal((1_000, 2)) + np.array([1.0, 0.0])).astype(np.float32)
    weights = logistic(benign, attack)
    # two normals one apart: log odds are x - 1/2; the penalty shrinks the slope a little
    assert weights[0] == pytest.approx(1.0, abs=0.2)
    assert weights[1] == pytest.approx(0.0, abs=0.12)
    assert weights[2] == pytest.approx(-0.5, abs=0.15)


def test_known_texts_are_found_and_the_level_holds_over_pools() -> None:
    rates, hits = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        columns = rng.standard_normal((2_400, 3)).astype(np.float32)
        columns[2_000:, 0] += 1.5  # 2,000 to 2,200 known, the rest tested
        benign = np.arange(2_000)
        made = Known(columns, benign[:500], benign[500:1_000], np.arange(2_000, 2_200),
                     halved(500, HALVES, 0.5, rng), (150,), rng)  # fmt: skip
        seen = made.prepare(np.concatenate([benign[1_000:], np.arange(2_200, 2_400)]))
        rates.append((made.score(seen, windows(1_000, 200, 150, 0.0, 60, rng))[1] <= 0.1).mean())
        hits.append((made.score(seen, windows(1_000, 200, 150, 0.5, 20, rng))[1] <= 0.1).mean())
    assert 0.04 < np.mean(rates) < 0.16
    assert np.mean(hits) > 0.99


def test_hashed_vectors_have_unit_length_and_tell_texts_apart() -> None:
    made = hashed(["Write a poem about rain", "write a poem about rain", "sum of 3 and 4", ""])
    assert np.linalg.norm(made, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-5)
    assert made[0] @ made[1] == pytest.approx(1.0, abs=1e-5)
    assert abs(made[0] @ made[2]) < 0.4


def test_the_page_is_filled_from_cells_and_unknown_markers_are_refused() -> None:
    rows = [
        {"detector": "shift", "size": 100, "attack": None, "share": 0.0, "windows": 200,
         "flagged": {"0.01": 3, "0.05": 9}},
        {"detector": "shift", "size": 100, "attack": "batches", "share": 0.05, "windows": 40,
         "flagged": {"0.01": 10, "0.05": 30}, "auroc": 0.9},
    ]  # fmt: skip
    cell = {"cell": {"vectors": "hashed", "seed": 1}, "commit": "0123456789abcdef",
            "code": "c", "cpu_s": 12.0, "machine": {"cpu": "c", "cores": 2},
            "command": "python", "rows": rows}  # fmt: skip
    text = "".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in TABLES)
    made = filled(text, [cell])
    assert "old" not in made
    assert "4.5 (2.4 to 8.3)" in made  # 9 of 200
    assert "75.0 / 0.900" in made  # 30 of 40
    with pytest.raises(ValueError, match="differ"):
        filled(text + "<!-- other -->\n<!-- /other -->", [cell])


def test_reported_seeds_are_not_those_of_development() -> None:
    reported = {cell.seed for cell in plan.cells(model=True)}
    assert min(reported) > 99
    assert len({cell.name for cell in plan.cells(model=True)}) == len(plan.cells(model=True))
