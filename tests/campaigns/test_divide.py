"""Two operators on one proxy network are two campaigns; one operator with two card pools is one."""

import numpy as np
from tests.campaigns.making import behaviour, keep_prompts, scene

from iolaus.campaigns.candidates import Candidate
from iolaus.campaigns.divide import OWN, divide
from iolaus.campaigns.judge import Judged
from iolaus.campaigns.links import Links
from iolaus.campaigns.scene import Finding
from iolaus.core.tables import ELEMENTS, FAMILIES

N, FDR = 200, 0.01
FIRST, SECOND = np.arange(20), np.arange(20, 40)
WORDED = {("wording", "skeleton", 1): list(range(22)), ("wording", "skeleton", 2): [*range(22, 42)]}


def links_of(pairs, family):
    pairs = np.asarray(pairs, dtype=np.int64)
    families = np.zeros((len(pairs), len(FAMILIES)))
    families[:, family] = 15.0
    return pairs, families


def clique(members):
    return [(a, b) for a in members for b in members if a < b]


def ties(*own):
    """Cards among `own` cliques, and one proxy network for the forty and two more."""
    cards, of_cards = links_of([p for group in own for p in clique(group)], OWN[0])
    rented, of_rented = links_of(clique(range(42)), FAMILIES.index("network"))
    pairs, families = np.vstack([cards, rented]), np.vstack([of_cards, of_rented])
    return Links(pairs[:, 0], pairs[:, 1], families, families.sum(axis=1), 10.0)


def judged(members):
    by = np.full(members.size, "money", dtype=object)
    candidate = Candidate(members, np.ones(members.size), by, "links")
    return Judged(candidate, [], dict.fromkeys(ELEMENTS, 1e-6), 1e-6, 1e-6, "distillation")


def divided(engine, links, p=1e-6, prompts=(), holdings=WORDED):
    keep_prompts(engine, prompts)
    at = scene(engine, behaviour(N), links=links, holdings=holdings)

    def test(candidate):
        return [Finding("t", e, "s", 1.0, "n", p) for e in ELEMENTS]

    found = divide([judged(np.arange(42))], at, test, FDR)
    return None if found is None else [c.members.tolist() for c in found]


def test_operators_who_share_only_the_network_are_parted_and_the_rest_goes_by_its_wording(engine):
    found = divided(engine, ties(FIRST, SECOND[2:]))
    assert found == [list(range(22)), list(range(22, 42))]


def test_without_text_no_queue_is_seen_and_two_card_pools_stay_together(engine):
    rented = {("network", "ip_day", n): members for (_, _, n), members in WORDED.items()}
    assert divided(engine, ties(FIRST, SECOND[2:]), holdings=rented) is None


def test_one_operator_with_one_card_pool_is_one(engine):
    assert divided(engine, ties(range(42))) is None


def test_a_common_queue_holds_two_card_pools_together(engine):
    handed = [(a, a, 3.0) for a in range(15)] + [(a, 22 + a, 3.01) for a in range(15)]
    assert divided(engine, ties(FIRST, SECOND[2:]), prompts=handed) is None


def test_parts_that_are_no_campaigns_alone_stay_together(engine):
    assert divided(engine, ties(FIRST, SECOND[2:]), p=0.3) is None
