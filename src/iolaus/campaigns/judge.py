"""verdicts: three elements, each with its own evidence, and one rate of error for the whole run.

1. Inside an element, p-values are combined by a method that allows dependence: first those that
   ask the same question, then the questions.
2. A group is a campaign of distillation only if all three elements hold, so the p-value of that
   claim is the largest of the three (intersection-union test; Berger 1982).
3. The false-discovery rate is controlled over all groups of the run that come into question, and
   shared out by their size: a log of a million accounts has hundreds of small resellers, and a
   campaign of thousands must not pay for each as for its like. Groups that are a known campaign
   were singled out before this look, so they pay for each other alone.
4. What is not distillation gets the most telling name that its evidence allows.
"""

from dataclasses import dataclass

import numpy as np

from iolaus.campaigns.candidates import Candidate
from iolaus.campaigns.customers import commonest, open_names
from iolaus.campaigns.known import LEAST_COMMON, SAME
from iolaus.campaigns.scene import Finding, Floats, Scene
from iolaus.campaigns.tests.overlap import DETECTOR as OVERLAP
from iolaus.core.statistics import combine, false_discovery
from iolaus.core.tables import ELEMENTS

HIDDEN = ("coordination", "deception")  # one operator, and he hides it
DECLARED_SHARE = 0.5  # of members in one firm, openly: it is the firm's group, and some strays
LEAST_CLAIMED = 8  # accounts; a family with one card is no campaign
CONTRACT_SHARE = 0.8  # of members have a contract
SIZE_POWER = 0.5  # a group's share of the rate grows with this power of its accounts
# Tests that ask one question together: where requests come from, and who pays for and opens the
# accounts. Every other test asks one of its own. Questions share an element's rate equally, so that
# another view on a question takes nothing from the others.
QUESTIONS = {
    "claimed country": "access",
    "address churn": "access",
    "mixed addresses": "access",
    "shared cards": "identity",
    "shared devices": "identity",
}
POPULAR_SHARE = 0.3  # of requests that several accounts sent word for word: a common list


@dataclass(frozen=True)
class Judged:
    """A candidate with its findings, its p-value by element, and the verdict."""

    candidate: Candidate
    findings: list[Finding]
    elements: dict[str, float]
    p: float
    q: float
    verdict: str


def judge(tested: list[tuple[Candidate, list[Finding]]], scene: Scene, fdr: float) -> list[Judged]:
    """Name every candidate. `fdr`: the share of false ones allowed among those raised."""
    elements = [element_p_values(findings) for _, findings in tested]
    groups = [candidate for candidate, _ in tested]
    p_values = np.asarray([claim_p_value(e) for e in elements])
    distilling = _q_values(elements, ELEMENTS, groups, scene)
    hiding = _q_values(elements, HIDDEN, groups, scene)
    return [
        Judged(c, f, e, float(p), float(q), _verdict(c, f, q, hidden, scene, fdr))
        for (c, f), e, p, q, hidden in zip(
            tested, elements, p_values, distilling, hiding, strict=True
        )
    ]


def _q_values(
    elements: list[dict[str, float]],
    claim: tuple[str, ...],
    groups: list[Candidate],
    scene: Scene,
) -> Floats:
    """q-value of "all elements of the claim hold" for each group; 1 where it is not asked."""
    values = np.asarray([[e[name] for name in claim] for e in elements]).reshape(-1, len(claim))
    values = np.sort(np.where(np.isfinite(values), values, 1.0), axis=1)
    weights = np.asarray([group.members.size**SIZE_POWER for group in groups])
    eligible = np.asarray([may_be_claimed(group, scene) for group in groups], dtype=bool)
    known = np.asarray([is_known(group, scene) for group in groups], dtype=bool)
    q = np.ones(len(groups))
    for asked in (eligible & known, eligible & ~known):
        q[asked] = false_discovery(values[asked, -1], values[asked, -2], weights[asked])
    return q


def element_p_values(findings: list[Finding]) -> dict[str, float]:
    """p-value by element; NaN where nothing of the element was measured."""
    asked: dict[str, dict[str, list[float]]] = {element: {} for element in ELEMENTS}
    for f in findings:
        if f.decides:
            question = QUESTIONS.get(f.detector, f.detector)
            asked[f.element].setdefault(question, []).append(f.p)
    return {
        element: combine(np.asarray([combine(np.asarray(ps)) for ps in questions.values()]))
        for element, questions in asked.items()
    }


def claim_p_value(elements: dict[str, float]) -> float:
    """p-value of "all three hold"; 1 when one of them was not measured at all."""
    values = np.asarray(list(elements.values()))
    return float(values.max()) if np.isfinite(values).all() else 1.0


def may_be_claimed(candidate: Candidate, scene: Scene) -> bool:
    """Whether a group is tested for distillation at all: large enough for the tests to mean
    something, no open organisation, and not several that have a contract with the provider, who
    knows them by name. Known before any test, so it costs no error rate."""
    contract = scene.seen.claims["verification"][candidate.members] == "contract"
    return (
        candidate.members.size >= LEAST_CLAIMED
        and declared_share(candidate, scene) < DECLARED_SHARE
        and float(contract.mean()) < CONTRACT_SHARE
    )


def is_known(candidate: Candidate, scene: Scene) -> bool:
    """Whether half of a group, and several, are members of one campaign that an earlier look
    raised."""
    members = scene.known[candidate.members]
    largest = int(np.bincount(members[members >= 0], minlength=1).max())
    return largest >= max(LEAST_COMMON, SAME * members.size)


def _verdict(
    candidate: Candidate,
    findings: list[Finding],
    distilling: float,
    hiding: float,
    scene: Scene,
    fdr: float,
) -> str:
    """The first that fits. `distilling`, `hiding`: q-values of the two claims."""
    if declared_share(candidate, scene) >= DECLARED_SHARE:
        return "shared_organisation"
    if distilling <= fdr:
        return "distillation"
    if hiding <= fdr:
        return "resale"
    if _value(findings, OVERLAP) >= POPULAR_SHARE:
        return "evaluation"
    return "shared_software" if candidate.proposed_by == "wording" else "undetermined"


def declared_share(candidate: Candidate, scene: Scene) -> float:
    """Share of members in the firm that most of them openly belong to: by organisation, by legal
    name, or by a mail domain that is a firm's (`customers.open_names`)."""
    claims, members = scene.seen.claims, candidate.members
    names = scene.once("open names", lambda: open_names(claims))
    return max(commonest(names[members])[1], commonest(claims["legal_name"][members])[1])


def _value(findings: list[Finding], detector: str) -> float:
    values: Floats = np.asarray([f.value for f in findings if f.detector == detector])
    return float(np.nan_to_num(values).max()) if values.size else 0.0
