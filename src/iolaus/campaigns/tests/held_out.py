"""Does what the even days link hold on the odd days?

The group is rebuilt from the links of even days alone (and of what has no date: cards, devices,
sign-ups). Then the addresses and moments of the odd days are counted in that core. Null: strangers
from the same strata, as many. Even and odd rather than early and late, so that a campaign of two
days is tested as well as one of six weeks.
"""

import numpy as np

from iolaus.campaigns.scene import Finding, Scene, Suspect
from iolaus.campaigns.tests.identifiers import (
    LEAST_CORE,
    NULL,
    against_strangers,
    held_together,
    redundancy,
)

SALT = 100  # of the draws; the families have 0 to 5
STATISTIC = "share of odd days' addresses and moments that another member has too"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    marks = scene.once("odd marks", lambda: scene.odd_tokens.holdings.only(_below_limits(scene)))
    even = scene.even_links
    core = (
        held_together(suspect.members, even.a, even.b)
        if suspect.proposed_by == "links"
        else suspect.members
    )
    if core.size < LEAST_CORE or marks.held.size == 0:
        why = (
            "the odd days show no common addresses or moments"
            if marks.held.size == 0
            else "the even days alone do not hold the group together"
        )
        return [Finding("held-out days", "coordination", STATISTIC, np.nan, NULL, np.nan, why)]
    value, null, tail = against_strangers(core, marks, redundancy, scene, SALT)
    detail = f"{core.size} of {suspect.members.size} members are held together by even days"
    return [Finding("held-out days", "coordination", STATISTIC, value, NULL, tail.p, detail, null)]


def _below_limits(scene: Scene) -> np.ndarray:
    odd = scene.odd_tokens
    return np.asarray(odd.holders <= odd.most(scene.plan.limits))
