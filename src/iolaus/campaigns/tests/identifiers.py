"""Do members share what strangers do not, in a family that did not bring them together?

For each family, the group is rebuilt from the links of all other families; then the tokens of the
family left out are counted in that core. So no token both selects the members and testifies
against them. Null: strangers from the same strata, as many.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from iolaus.campaigns.holdings import Holdings, InCommon
from iolaus.campaigns.links import Links
from iolaus.campaigns.nulls import draw_strangers
from iolaus.campaigns.scene import Finding, Scene, Suspect, pairs_within
from iolaus.core.statistics import Tail, upper_tail
from iolaus.core.tables import FAMILIES, TOKEN_FAMILIES

Measure = Callable[[InCommon], NDArray[np.float64]]

LEAST_CORE = 5
# The same software shows as wording (its system prompt) and as a device (its TLS and user agent),
# so neither may vouch for the other.
SOFTWARE = ("wording", "device")
NULL = "as many accounts of the same plan, channel, volume and age, up to 199 draws"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    return [_family(suspect, scene, family) for family in TOKEN_FAMILIES]


def _family(suspect: Suspect, scene: Scene, family: str) -> Finding:
    core = _core(suspect, scene, family)
    marks = scene.once(f"marks of {family}", lambda: _marks(scene, family))
    statistic = (
        "largest share of members with one wording"
        if family == "wording"
        else "share of tokens that another member holds too"
    )
    name = f"shared {family}"
    if core.size < LEAST_CORE or marks.held.size == 0:
        why = (
            "the log has no such tokens"
            if marks.held.size == 0
            else "the other families alone do not hold the group together"
        )
        return Finding(name, "coordination", statistic, np.nan, NULL, np.nan, why)
    measure = _largest_share if family == "wording" else redundancy
    value, null, tail = against_strangers(core, marks, measure, scene, FAMILIES.index(family))
    detail = f"{core.size} of {suspect.members.size} members are held together by other families"
    return Finding(name, "coordination", statistic, value, NULL, tail.p, detail, null)


def against_strangers(
    core: NDArray[np.int64], marks: Holdings, measure: Measure, scene: Scene, salt: int
) -> tuple[float, NDArray[np.float64], Tail]:
    """What the core shares of the marks, against as many strangers: (value, null draws, tail)."""
    mine = marks.in_common(core[None, :])
    value = float(measure(mine)[0])
    null = measure(marks.in_common(draw_strangers(core, scene.strata, scene.rng(salt))))
    # One more shared token among the core's would move the statistic by this much.
    step = 1.0 / max(int(mine.holdings[0]), core.size)
    return value, null, upper_tail(value, null, least_scale=step)


def _core(suspect: Suspect, scene: Scene, family: str) -> NDArray[np.int64]:
    """Members that links without the family still hold together, at least 3 at a time."""
    if suspect.proposed_by == "wording":
        return suspect.members if family not in SOFTWARE else np.empty(0, dtype=np.int64)
    left_out = SOFTWARE if family in SOFTWARE else (family,)
    strong = scene.once(f"links without {left_out}", lambda: _without(scene.links, left_out))
    return held_together(suspect.members, *strong)


def _without(
    links: Links, left_out: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The links that stand without some families: (a, b)."""
    kept = [i for i, name in enumerate(FAMILIES) if name not in left_out]
    strong = links.families[:, kept].sum(axis=1) >= links.threshold
    return links.a[strong], links.b[strong]


def held_together(
    members: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Members that links (a to b, in order of a) connect to at least two other members; `members`
    sorted. Costs the members' links, not all of them."""
    ends = pairs_within(members, a, b)[1:]
    ones = np.ones(ends[0].size)
    graph = sp.csr_array((ones, ends), shape=(members.size, members.size))
    _, label = connected_components(graph, directed=False)
    return np.asarray(members[np.bincount(label)[label] >= 3], dtype=np.int64)


def _marks(scene: Scene, family: str) -> Holdings:
    tokens = scene.tokens
    of_family = tokens.family == FAMILIES.index(family)
    if family != "wording":
        of_family &= tokens.holders <= tokens.most(scene.plan.limits)
        of_family &= ~tokens.of_kind("client_software")
    return tokens.holdings.only(of_family)


def redundancy(groups: InCommon) -> NDArray[np.float64]:
    """1 - distinct tokens / holdings, per group."""
    return np.where(groups.holdings > 0, 1 - groups.distinct / np.maximum(groups.holdings, 1), 0.0)


def _largest_share(groups: InCommon) -> NDArray[np.float64]:
    return groups.most / np.maximum(groups.accounts, 1)
