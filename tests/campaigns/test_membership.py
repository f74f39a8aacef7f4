"""Who is looked at is a few; who belongs is as if everybody had been (an independent way to it)."""

import numpy as np
import pytest
from tests.campaigns.making import no_content, tokens

from iolaus.campaigns import membership as module
from iolaus.campaigns import odds
from iolaus.campaigns.content import Content
from iolaus.campaigns.customers import customers
from iolaus.campaigns.membership import JOIN_BITS, STAY_AMONG, Grounds
from iolaus.campaigns.odds import LACK_BITS
from iolaus.campaigns.token_matrix import token_matrix
from iolaus.core.tables import FAMILIES, TOKEN_FAMILIES

N = 600
KINDS = (
    ("money", "payment", 40), ("device", "client_software", 12), ("network", "ip_day", 150),
    ("registration", "signup_day", 30), ("wording", "phrase", 60), ("tempo", "burst", 50),
)  # fmt: skip


def nobody():
    return np.full(N, None, dtype=object)


def log_of(engine, seed):
    """Rings that share some of everything, in a crowd that holds popular things; some firms."""
    rng = np.random.default_rng(seed)
    held = {}
    for family, kind, values in KINDS:
        drawn = (values * rng.random((N, 3)) ** 2).astype(int)
        for ring in range(6):
            mine = slice(60 * ring, 60 * ring + 20)
            own = values + 3 * ring + rng.integers(0, 3, 20)
            drawn[mine, 0] = np.where(rng.random(20) < 0.6, own, drawn[mine, 0])
        for value in np.unique(drawn):
            held[(family, kind, int(value))] = np.flatnonzero((drawn == value).any(axis=1)).tolist()
    firm, domain = nobody(), nobody()
    firm[rng.integers(0, N, 40)] = "Firm"
    domain[300:304] = "firm.example"
    claims = {"organization_id": firm, "email_domain": domain, "billing_country": nobody()}
    cores = [np.arange(60 * ring, 60 * ring + 14) for ring in range(6)]
    cores += [np.sort(rng.permutation(N)[:size]) for size in (5, 30, 200)]
    return token_matrix(tokens(engine, held), N), customers(claims), cores


def everybody_judged(members, core, matrix, content, known, least):
    """One round over all accounts and all tokens, densely: (members, bits)."""
    held = matrix.held.toarray() > 0
    inside, linked = np.zeros(N, dtype=bool), np.zeros(N, dtype=bool)
    inside[members], linked[core] = True, True
    count = ((known.of[:, members] @ matrix.held[members]).toarray() > 0).sum(axis=0)
    size, others = members.size, N - members.size
    mark = count >= max(odds.LEAST_MARK, odds.MARK_SHARE * size)
    families = np.zeros((N, len(FAMILIES)))
    for column, name in enumerate(TOKEN_FAMILIES):
        used = np.flatnonzero((matrix.family == column) & (count >= 2))
        if used.size == 0:
            continue
        within = count[used] - inside[:, None]
        without = matrix.holders[used] - count[used] - ~inside[:, None]
        counts = held[:, used] & (linked[:, None] | mark[used])
        ratio = (within + 0.1) / (size + 1) / ((without + 0.5) / (others + 1))
        best = np.log2(np.where(counts, ratio, 1e-9)).max(axis=1)
        marked = best > odds.CHARACTERISTIC_BITS
        share_in = (marked & inside).sum() / (size + 1)
        share_out = (marked & ~inside).sum() / (others + 1)
        lack = max(-LACK_BITS[name], np.log2((1 - share_in) / (1 - share_out)))
        families[:, column] = np.where(marked, np.minimum(best, 10.0), min(lack, 0.0))
    families[:, -1] = content.belonging(members, np.arange(N))
    for column in module.ABOUT:
        families[known.firm, column] = np.minimum(families[known.firm, column], 0.0)
    bits = families.sum(axis=1) + np.log2(size / others) - np.where(linked, 0.0, JOIN_BITS)
    bits += [openness(account, inside, known) for account in range(N)]
    return np.flatnonzero(bits > least), bits


def openness(account, inside, known):
    """Bits that an open firm's account has by being one, its own firm left aside."""
    if not known.firm[account]:
        return 0.0
    theirs = known.of[[known.of[:, [account]].toarray().argmax()]].toarray()[0] > 0
    rates = [
        (known.firm[side].sum() + 0.5) / (side.sum() + 1)
        for side in (inside & ~theirs, ~inside & ~theirs)
    ]
    return float(np.clip(np.log2(rates[0] / rates[1]), -module.MOST_OPEN, 0.0))


def some_content(seed):
    rng = np.random.default_rng(seed)
    aim = np.where(np.arange(N) < 20, 1.0, 0.0)[:, None] * rng.normal(0, 0.4, 128)
    return Content((aim + rng.normal(0, 0.2, (N, 128))).astype(np.float32), np.full(N, 12))


@pytest.mark.filterwarnings("ignore:invalid value encountered in log2")  # nobody holds it outside
@pytest.mark.parametrize("stay", [None, 0.0])
@pytest.mark.parametrize("seed", range(4))
def test_one_round_agrees_with_a_look_at_everybody(engine, seed, stay, monkeypatch):
    monkeypatch.setattr(module, "ROUNDS", 1)
    monkeypatch.setattr(module._Growth, "_together", lambda self, found: found.members)
    monkeypatch.setattr(module._Growth, "_as_one", lambda self, members: None)
    monkeypatch.setattr(module, "OPEN_SHARE", 2.0)  # no group is one organisation here
    matrix, known, cores = log_of(engine, seed)
    content = some_content(seed) if seed % 2 else no_content(N)
    least = np.log2(N / STAY_AMONG) if stay is None else stay
    grounds = Grounds(matrix, content, known)
    joined = 0
    for core in cores:
        found = grounds.grown(core, stay)
        members, bits = everybody_judged(core, core, matrix, content, known, least)
        assert found.members.tolist() == members.tolist()
        assert found.bits == pytest.approx(bits[found.accounts], abs=1e-9)
        joined += np.setdiff1d(members, core).size
    assert joined > 0


def test_few_are_looked_at_where_many_hold_what_all_hold(engine):
    """A phrase of half of the log and an address of the whole group: who holds the phrase alone
    cannot belong, and is not looked at."""
    held = {
        ("wording", "phrase", 1): list(range(0, N, 2)),
        ("network", "ip_day", 2): [*range(0, 40, 2), 100, 102],
        ("money", "payment", 3): list(range(0, 40, 2)),
    }
    claims = dict.fromkeys(("organization_id", "email_domain", "billing_country"), nobody())
    matrix = token_matrix(tokens(engine, held), N)
    found = Grounds(matrix, no_content(N), customers(claims)).grown(np.arange(0, 40, 2))
    assert found.members.tolist() == list(range(0, 40, 2))
    assert set(found.accounts) <= {*range(0, 40, 2), 100, 102}
    assert found.probability.shape == (N,)
    assert found.probability[200] == 0.0


@pytest.mark.parametrize(("friends", "few"), [(3, 7), (7, 7), (8, 7), (3, 1)])
def test_a_few_colleagues_do_not_vouch_for_each_other(engine, monkeypatch, friends, few):
    """They share the software with the group, and a card and a device among themselves alone."""
    monkeypatch.setattr(module, "FEW", few)  # with 1 there is no such rule
    group, circle = list(range(0, 60, 2)), list(range(101, 101 + friends))
    held = {
        ("money", "payment", 1): group,
        ("network", "ip_day", 2): group,
        ("device", "client_software", 3): [*group, *circle, *range(200, 230)],
        ("money", "payment", 4): circle,
        ("device", "device", 5): circle,
        ("registration", "signup_ip", 6): circle,
    }
    claims = dict.fromkeys(("organization_id", "email_domain", "billing_country"), nobody())
    matrix = token_matrix(tokens(engine, held), N)
    core = np.sort(np.asarray([*group, *circle]))
    found = Grounds(matrix, no_content(N), customers(claims)).grown(core)
    stay = circle if friends > few else []
    assert found.members.tolist() == sorted([*group, *stay])


@pytest.mark.parametrize(("often", "belongs"), [(1, False), (8, True)])
def test_without_text_who_meets_members_again_and_again_belongs(engine, often, belongs):
    """An account with a card and a device of its own at so many of the group's addresses."""
    group, met = list(range(40)), 100
    held = {("money", "payment", 1): group, ("device", "device", 2): group}
    for day in range(12):
        at = group[day : day + 9]
        held[("network", "ip_day", 10 + day)] = [*at, met] if day < often else at
    claims = dict.fromkeys(("organization_id", "email_domain", "billing_country"), nobody())
    matrix = token_matrix(tokens(engine, held), N)
    found = Grounds(matrix, no_content(N), customers(claims)).grown(np.asarray([*group, met]))
    assert (met in found.members) is belongs
