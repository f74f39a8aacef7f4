"""Numbers in words, hostile text made visible, and what the figures draw."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iolaus.cases.report import words
from iolaus.cases.report.elements import confidence, elements, why_not
from iolaus.cases.report.escape import MARKS_IN_A_ROW, data, plain
from iolaus.cases.report.figures_evidence import element_bar, null_histogram, step
from iolaus.cases.report.figures_network import (
    HEIGHT,
    MAX_EDGES,
    MAX_NODES,
    WIDTH,
    layout,
    network,
)
from iolaus.cases.report.figures_time import MAX_BARS, Panel, Series, timeline
from iolaus.core.tables import FAMILIES


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (28_800_000, "28.8 million"),
        (1_150, "1,150"),
        (0, "0"),
        (999_499, "999,499"),
        (999_600, "1 million"),
        (2_240_000_000, "2.24 billion"),
        (None, "not measured"),
        (float("nan"), "not measured"),
    ],
)
def test_people(count: float | None, said: str) -> None:
    assert words.people(count) == said


@pytest.mark.parametrize(
    ("p", "shown", "said"),
    [
        (0.0013, "0.0013", "about once in 770 times"),
        (3.1e-7, "3.1 × 10⁻⁷", "about once in 3.2 million times"),
        (1e-40, "below 10⁻³⁰", "less than once in a billion times"),
        (0.0, "below 10⁻³⁰", "less than once in a billion times"),
        (0.44, "0.44", "Not unusual: chance alone does this about 2 in 5 times"),
        (1.0, "1", "nearly all"),
        (None, "not measured", "Described only"),
    ],
)
def test_p_values(p: float | None, shown: str, said: str) -> None:
    assert words.probability(p) == shown
    assert said in words.chance(p)


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        (10.0, "about 1,000 to 1"),
        (-1.0, "about 2 to 1 against"),
        (0.2, "says nothing either way"),
        (400.0, "more than"),
        (None, "weight not measured"),
    ],
)
def test_bits(bits: float | None, said: str) -> None:
    assert words.ratio(bits).startswith(said)


def test_shares_are_not_rounded_to_certainty() -> None:
    assert words.share(0.9997) == "above 99.9%"
    assert words.share(1.0) == "100%"
    assert words.share(0.0001) == "below 0.1%"
    assert words.share(0.0) == "0%"


def test_times_are_utc() -> None:
    at = datetime.fromisoformat("2026-03-03T01:05:00+02:00")
    assert words.moment(at) == "2 March 2026, 23:05 UTC"
    assert words.moment("2026-03-02T23:05:00+00:00") == "2 March 2026, 23:05 UTC"
    assert words.moment("yesterday") == "yesterday"
    first = datetime(2026, 3, 3, tzinfo=UTC)
    assert words.span(first, first + timedelta(days=44)) == "3 March to 16 April 2026"
    assert words.days_between(first, first + timedelta(days=44)) == 45


@given(st.text(max_size=200))
def test_any_text_comes_out_visible_escaped_and_isolated(text: str) -> None:
    made = str(data(text, 200, keep_lines=True))
    inside = made.removeprefix("<bdi>").removesuffix("</bdi>")
    assert len(made) == len(inside) + len("<bdi></bdi>")
    assert not set(inside) & set("<>\"'")
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt|#34|#39);)*", inside, re.S)
    assert all(char.isprintable() or char in "\n\t" or char.isspace() for char in inside)


@given(st.text(max_size=60), st.integers(1, 20))
def test_text_is_cut_to_its_limit_before_it_is_made_visible(text: str, limit: int) -> None:
    longest = limit * len("⟨U+10FFFF⟩") + limit * len("⟨+9999 marks⟩") + 1
    made = plain(text, limit)
    assert len(made) <= longest
    assert made.endswith("…") or len(text) <= limit


def test_stacked_marks_are_counted() -> None:
    assert plain("a" + "\u0301" * 10) == "a" + "\u0301" * MARKS_IN_A_ROW + "⟨+6 marks⟩"


def _number(svg: str, pattern: str) -> float:
    found = re.search(pattern, svg)
    assert found, pattern
    return float(found[1])


def test_observed_value_is_drawn_where_it_lies() -> None:
    draws = np.linspace(0.0, 1.0, 101).tolist()
    inside = str(null_histogram(draws, 0.5, "t"))
    assert _number(inside, r'cx="([\d.]+)"') == pytest.approx(140, abs=1)  # the middle of 280
    assert 'class="cut"' not in inside
    below, above = str(null_histogram(draws, -9.0, "t")), str(null_histogram(draws, 9.0, "t"))
    assert 'class="cut"' in below and 'class="cut"' in above
    bars = [float(x) for x in re.findall(r'class="draws" x="([\d.]+)"', below)]
    assert _number(below, r'cx="([\d.]+)"') < min(bars)
    bars = [float(x) for x in re.findall(r'class="draws" x="([\d.]+)"', above)]
    assert _number(above, r'cx="([\d.]+)"') > max(bars)


def test_constant_draws_are_drawn() -> None:
    for value in (0.0, 1e-12, 5.0, -3.0):
        assert 'class="draws"' in null_histogram([0.0] * 20, value, "t")


def test_a_p_value_below_what_the_draws_count_is_said_to_be_extrapolated() -> None:
    draws = np.linspace(0.0, 1.0, 199).tolist()
    assert words.reached(draws, 2.0, 0.005) == "None of 199 draws reach it."
    extrapolated = "10 of 199 draws reach it: p 0.055 by counting; the smaller p is extrapolated."
    assert words.reached(draws, 0.95, 1e-8) == extrapolated  # (10 + 1) / (199 + 1)
    assert "p 0.005 by counting" in words.reached(draws, -3.0, 1e-8)
    assert words.reached(draws, 0.05, 0.95) == "189 of 199 draws reach it."


def test_waterfall_step_lies_between_its_ends() -> None:
    svg = str(step(10.0, 15.0, 0.0, 20.0, "harvest", "t"))
    assert 'x="50.00%" width="25.00%"' in svg
    against = str(step(15.0, 10.0, 0.0, 20.0, "against", "t"))
    assert 'x="50.00%" width="25.00%"' in against


def test_element_bar_says_when_nothing_was_measured() -> None:
    assert "hatched" in element_bar(None, 0.05, "harvest")
    assert 'class="weak"' in element_bar(0.2, 0.05, "harvest")
    assert 'class="harvest"' in element_bar(0.001, 0.05, "harvest")
    assert 'width="50.00%"' in element_bar(0.001, 0.05, "harvest")  # 3 of 6 decades


def _ties(count: int, nodes: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    pairs = rng.integers(0, nodes, (count, 2))
    blank = dict.fromkeys(FAMILIES, 0.0)
    return [
        {"account_a": f"a{a}", "account_b": f"a{b}", "bits": float(i % 17), **blank, "money": 1.0}
        for i, (a, b) in enumerate(pairs)
    ]


def test_network_is_bounded_and_repeats() -> None:
    first = network(_ties(4_000, 400), {}, seed=3)
    assert first is not None
    assert first.accounts_drawn <= MAX_NODES and first.links_drawn <= MAX_EDGES
    again, other = network(_ties(4_000, 400), {}, seed=3), network(_ties(4_000, 400), {}, seed=4)
    assert again is not None and again.picture == first.picture
    assert other is not None and other.picture != first.picture
    assert first.families == [("money", first.links_drawn)]
    assert network([], {}, seed=0) is None


def test_layout_brings_the_tied_together_and_stays_in_the_frame() -> None:
    clique = [(a, b) for a in range(8) for b in range(a)]
    pairs = np.array(clique + [(a + 8, b + 8) for a, b in clique])
    at = layout(16, pairs, seed=0)
    assert (at >= 0).all() and (at <= [WIDTH, HEIGHT]).all()
    inside = np.linalg.norm(at[:8] - at[:8].mean(axis=0), axis=1).mean()
    between = float(np.linalg.norm(at[:8].mean(axis=0) - at[8:].mean(axis=0)))
    assert between > 2 * inside


def test_layout_of_one_pair_is_finite() -> None:
    assert np.isfinite(layout(2, np.array([(0, 1)]), seed=0)).all()


def test_timeline_bins_long_windows_without_losing_exchanges() -> None:
    days = {date(2025, 1, 1) + timedelta(days=i): 10 for i in range(700)}
    svg = str(timeline([Panel("All", 100, [Series("All", "benign", days)])], "t"))
    said = [int(n.replace(",", "")) for n in re.findall(r"All: ([\d,]+) exchanges", svg)]
    assert len(said) <= MAX_BARS
    assert sum(said) == 7_000
    assert timeline([Panel("All", 100, [])], "t") == ""


def _evidence(detector: str, element: str, p: float | None) -> dict[str, Any]:
    return {"detector": detector, "element": element, "p_value": p}


def test_elements_without_a_combined_row_are_bounded_by_bonferroni() -> None:
    found = elements([_evidence("a", "harvest", 0.01), _evidence("b", "harvest", 0.4)], 0.05)
    assert [one.p for one in found] == [None, None, 0.02]
    combined = [*[_evidence("a", "harvest", 0.01)], _evidence("element: harvest", "harvest", 0.03)]
    assert elements(combined, 0.05)[2].p == 0.03


def test_confidence_follows_the_thinnest_element() -> None:
    rows = [_evidence(f"t{i}", e, 0.01) for e in ("coordination", "deception") for i in (1, 2)]
    assert confidence(elements(rows, 0.05))[0] == "Low"
    rows.append(_evidence("t1", "harvest", 0.01))
    assert confidence(elements(rows, 0.05)) == ("Moderate", "harvest rests on a single test")
    rows.append(_evidence("t2", "harvest", 0.9))
    assert confidence(elements(rows, 0.05))[0] == "High"


def test_why_not_names_the_correction_when_each_element_is_shown() -> None:
    names = ("coordination", "deception", "harvest")
    three = elements([_evidence(f"element: {e}", e, 0.04) for e in names], 0.05)
    assert "over all clusters tested q is 0.09" in why_not("resale", three, 0.09, 0.05)
    assert "rests on that openness" in why_not("shared_organisation", three, 0.04, 0.05)
