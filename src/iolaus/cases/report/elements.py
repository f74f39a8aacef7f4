"""The three elements of a cluster: how far each is shown, and why a verdict is what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from iolaus.cases.report.figures_evidence import element_bar
from iolaus.cases.report.model import ELEMENT_ROW, Row
from iolaus.cases.report.words import ELEMENT_QUESTIONS, listed, measured, probability
from iolaus.core.tables import ELEMENTS

DEFAULT_LEVEL: Final = 0.05  # used when the run does not say its false-discovery rate

# What each verdict means, in the words of docs: the first half of the sentence on a cluster.
_MEANS: Final = {
    "resale": "Its accounts act together and hide it, as a reseller's pool does",
    "shared_organisation": "Its accounts openly belong to one organisation",
    "shared_software": "Its accounts run the same software, each for itself",
    "evaluation": "Its accounts ask the questions of one benchmark",
    "undetermined": "What ties its accounts fits no single explanation",
}


@dataclass(frozen=True)
class Element:
    """One element of one cluster. `p` null: not measured. `tests`: how many stand behind it."""

    name: str
    question: str
    p: float | None
    shown: bool
    state: str  # shown, not shown, not measured
    basis: str
    tests: int
    picture: Markup


def elements(evidence: Sequence[Row], level: float) -> list[Element]:
    """The three elements from rows of EVIDENCE, in the order of ELEMENTS."""
    return [_element(name, evidence, level) for name in ELEMENTS]


def _element(name: str, evidence: Sequence[Row], level: float) -> Element:
    mine = [row for row in evidence if row["element"] == name and measured(row["p_value"])]
    tests = [row["p_value"] for row in mine if not is_combined(row)]
    combined = [row["p_value"] for row in mine if is_combined(row)]
    p, basis = None, "no test of this element could be run"
    if combined:
        p, basis = min(combined), "its tests combined, dependence allowed for"
    elif tests:
        # Bonferroni holds under any dependence between the tests.
        p, basis = min(1.0, len(tests) * min(tests)), f"smallest p times {len(tests)} tests"
    shown = p is not None and p <= level
    state = "not measured" if p is None else ("shown" if shown else "not shown")
    picture = element_bar(p, level, name)
    return Element(name, ELEMENT_QUESTIONS[name], p, shown, state, basis, len(tests), picture)


def is_combined(row: Row) -> bool:
    """True for the rows that carry an element's combined p-value: no test of their own."""
    return str(row["detector"]).startswith(ELEMENT_ROW)


def why_not(verdict: str, three: Sequence[Element], q: float | None, level: float) -> str:
    """One sentence or two: why a cluster was not called distillation."""
    head = _MEANS.get(verdict, _MEANS["undetermined"])
    absent = [one for one in three if one.state == "not shown"]
    blind = [one.name for one in three if one.state == "not measured"]
    reasons = []
    if absent:
        said = listed([f"{one.name} (p {probability(one.p)})" for one in absent])
        reasons.append(f"{said} {'is' if len(absent) == 1 else 'are'} not shown")
    if blind:
        reasons.append(f"{listed(blind)} could not be measured")
    if not reasons and measured(q) and q is not None and q > level:
        reasons.append(
            f"each element is below the level by itself, but over all clusters tested "
            f"q is {probability(q)}, above {probability(level)}"
        )
    if not reasons:
        return (
            f"{head}. All three elements are below the level; the verdict rests on that openness."
        )
    return f"{head}; {listed(reasons)}."


def confidence(three: Sequence[Element]) -> tuple[str, str]:
    """Confidence in the basis, kept apart from likelihood: (word, reason).

    High: each element rests on two tests or more. Moderate: on one or more. Low: one on none.
    Source: Intelligence Community Directive 203, which keeps the two in separate sentences.
    """
    fewest = min(one.tests for one in three)
    if fewest >= 2:
        return "High", "each of the three elements rests on at least two tests"
    thin = listed([one.name for one in three if one.tests == fewest])
    if fewest == 1:
        return "Moderate", f"{thin} rests on a single test"
    return "Low", f"no separate test of {thin} was recorded"
