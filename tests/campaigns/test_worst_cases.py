"""The worst that a log can do to linking and growing groups: counted in pairs, accounts and rows.

Each case stands beside the ordinary log that it was made from, and may cost little more.
"""

import numpy as np
import pytest
from tests.campaigns.making import no_content, tokens

from iolaus.campaigns import membership, odds
from iolaus.campaigns.candidates import candidates
from iolaus.campaigns.clusters import cluster
from iolaus.campaigns.links import MAX_HOLDERS, forecast, link
from iolaus.campaigns.token_matrix import token_matrix
from iolaus.campaigns.wordings import divisions

N, RINGS, RING = 1_000, 12, 20


def ordinary():
    """Rings with cards, sign-ups and a skeleton of their own; a crowd with common addresses."""
    rng = np.random.default_rng(1)
    held = {}
    for ring in range(RINGS):
        mine = list(range(RING * ring, RING * (ring + 1)))
        held[("wording", "skeleton", ring)] = mine
        held[("registration", "signup_hour", ring)] = mine
        for place in range(0, RING, 4):
            held[("money", "payment", mine[place])] = mine[place : place + 4]
    drawn = rng.integers(0, 400, N)
    for value in np.unique(drawn):
        held[("network", "ip_day", int(value))] = np.flatnonzero(drawn == value).tolist()
    return held


def one_address():
    return ordinary() | {("network", "ip_day", 1_000 + day): list(range(N)) for day in range(30)}


def one_skeleton():
    return ordinary() | {("wording", "skeleton", 1_000): list(range(N))}


def one_account_everywhere():
    """An account of a ring that was at an address of everybody else's, every day."""
    pairs = {("network", "ip_day", 10_000 + i): [0, 1 + i % (N - 1)] for i in range(30 * N)}
    return ordinary() | pairs


class Work:
    """What it costs to find the groups of some holdings."""

    def __init__(self, engine, holdings, monkeypatch):
        self.rows = 0  # of the token matrix, read by account
        table = tokens(engine, holdings)
        plan = forecast(engine, table, N)
        self.pairs = plan.total
        matrix = token_matrix(table, N)
        self.links = link(engine, table, matrix, no_content(N), plan, 0)
        nobody = np.full(N, None, dtype=object)
        claims = dict.fromkeys(("organization_id", "email_domain", "billing_country"), nobody)
        divided = divisions(matrix, no_content(N), 0)
        with monkeypatch.context() as patch:
            for module, name, read in (
                (odds, "shared", 2),  # the place of the accounts among the arguments
                (odds, "best_by_account", 6),
                (membership, "tied", 2),
            ):
                patch.setattr(module, name, self.counted(getattr(module, name), read))
            self.groups = candidates(cluster(self.links, N, 0), matrix, no_content(N), claims,
                                     divided)  # fmt: skip

    def counted(self, kernel, read):
        """A kernel that goes through what some accounts hold, and says so."""

        def counting(start, *others):
            accounts = others[read - 1]
            self.rows += int((start[accounts + 1] - start[accounts]).sum())
            return kernel(start, *others)

        return counting

    def rings(self):
        """How many rings are found to nine tenths."""
        held = [set(group.members.tolist()) for group in self.groups]
        rings = [set(range(RING * r, RING * (r + 1))) for r in range(RINGS)]
        return sum(any(len(ring & group) >= 0.9 * RING for group in held) for ring in rings)


@pytest.fixture
def usual(engine, monkeypatch):
    return Work(engine, ordinary(), monkeypatch)


def test_an_ordinary_log_is_what_the_others_are_held_against(usual):
    assert usual.rings() == RINGS
    assert usual.pairs > 1_000
    assert usual.rows > 1_000


def test_everyone_behind_one_address_proposes_nothing_more(engine, usual, monkeypatch):
    work = Work(engine, one_address(), monkeypatch)
    assert work.pairs == usual.pairs
    assert work.links.a.size <= usual.links.a.size
    assert work.rows <= 10 * usual.rows  # accounts hold 30 tokens more beside the 2 to 4 they had
    assert work.rings() == RINGS


def test_one_skeleton_of_all_proposes_nothing_more(engine, usual, monkeypatch):
    work = Work(engine, one_skeleton(), monkeypatch)
    assert work.pairs == usual.pairs
    assert work.links.a.size <= usual.links.a.size
    assert work.rows <= 2 * usual.rows
    assert work.rings() == RINGS


def test_one_account_everywhere_costs_its_own_rows_a_few_times(engine, usual, monkeypatch):
    """30,000 tokens: they propose a pair with each account, and are read only where the account is
    itself a member of what is grown: at most ROUNDS times and once more in each of three ways."""
    work = Work(engine, one_account_everywhere(), monkeypatch)
    assert work.pairs <= usual.pairs + 30 * N
    assert work.links.a.size <= usual.links.a.size + N
    assert work.rows <= usual.rows + 3 * 5 * 30 * N
    assert work.rings() >= RINGS - 1


def test_the_pairs_of_one_token_stay_below_their_limit_however_many_hold_it(engine):
    for holders in (MAX_HOLDERS, 400, N):
        held = {("network", "ip_day", 1): list(range(holders))}
        most = MAX_HOLDERS * (MAX_HOLDERS - 1) // 2
        assert forecast(engine, tokens(engine, held), N).total <= most
