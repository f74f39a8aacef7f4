"""Links to clusters, clusters to members, members to candidates."""

import numpy as np
import pytest
from tests.campaigns.making import no_content, tokens

from iolaus.campaigns.candidates import WHOLE, candidates
from iolaus.campaigns.clusters import MIN_ACCOUNTS, Cluster, cluster
from iolaus.campaigns.content import Content
from iolaus.campaigns.customers import customers
from iolaus.campaigns.links import Links
from iolaus.campaigns.membership import Grounds
from iolaus.campaigns.token_matrix import token_matrix
from iolaus.campaigns.wordings import COARSE, Division, communities, content_communities, divisions
from iolaus.core.tables import FAMILIES

N = 300


def links_of(pairs) -> Links:
    pairs = np.asarray(sorted({(min(p), max(p)) for p in pairs}), dtype=np.int64)
    families = np.zeros((len(pairs), len(FAMILIES)))
    families[:, 0] = 20.0
    return Links(pairs[:, 0], pairs[:, 1], families, families.sum(axis=1), 10.0)


def clique(members):
    return [(a, b) for a in members for b in members if a < b]


def matrix(engine, holdings, accounts=N):
    return token_matrix(tokens(engine, holdings), accounts)


def nobody(accounts):
    """No account declares anything."""
    return np.full(accounts, None, dtype=object)


def claims(**given):
    """What accounts claim: nothing, but for what is given."""
    names = ("organization_id", "email_domain", "billing_country")
    return {name: given.get(name, nobody(N)) for name in names}


def members_of(core, tokens, organizations=None):
    declared = claims(organization_id=nobody(N) if organizations is None else organizations)
    return Grounds(tokens, no_content(N), customers(declared)).grown(core)


def union_find(pairs, accounts):
    """An independent way to the components: each account points to a smaller one of its own."""
    parent = list(range(accounts))

    def root(x):
        while parent[x] != x:
            x = parent[x]
        return x

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    components = {}
    for account in range(accounts):
        components.setdefault(root(account), set()).add(account)
    return components.values()


@pytest.mark.parametrize("seed", range(5))
def test_small_components_agree_with_union_find(seed):
    rng = np.random.default_rng(seed)
    block = rng.integers(0, 40, N)  # links stay inside blocks of about 7, so none is divided
    pairs = [
        (a, b) for a, b in rng.integers(0, N, (6000, 2)).tolist() if a != b and block[a] == block[b]
    ]
    found = {frozenset(c.members.tolist()) for c in cluster(links_of(pairs), N, 0)}
    expected = {frozenset(c) for c in union_find(pairs, N) if len(c) >= MIN_ACCOUNTS}
    assert len(expected) > 10
    assert found == expected


def test_a_group_below_the_least_size_is_not_tested():
    four, five = range(4), range(10, 15)
    found = cluster(links_of(clique(four) + clique(five)), N, 0)
    assert [c.members.tolist() for c in found] == [list(five)]


def test_two_groups_that_hardly_touch_are_parted_and_one_that_holds_is_not():
    one, two = range(25), range(100, 125)
    joined = cluster(links_of([*clique(one), *clique(two), (0, 100)]), N, 0)
    assert sorted(c.members.tolist() for c in joined) == [list(one), list(two)]
    whole = cluster(links_of(clique(range(50))), N, 0)
    assert [c.size for c in whole] == [50]


def ring(members):
    """A ring's own wording and sign-up hour, and a card for every four members."""
    members = list(members)
    held = {("wording", "skeleton", members[0]): members}
    held[("registration", "signup_hour", members[0])] = members
    for place in range(0, len(members), 4):
        held[("money", "payment", members[place])] = members[place : place + 4]
    return held


def test_a_matrix_of_tokens_takes_four_bytes_for_a_place(engine):
    tokens = matrix(engine, ring(range(20)))
    for stored in (tokens.held_by_token, tokens.held, tokens.exchanges):
        assert stored.indices.dtype == stored.indptr.dtype == np.int32


def test_a_group_grows_to_a_member_who_shares_hubs_alone(engine):
    """He has no card of the ring's; its wording and its sign-up hour are what all of it shares."""
    kinds = (("wording", "skeleton"), ("registration", "signup_hour"))
    hubs = {(*kind, 0): list(range(21)) for kind in kinds}
    members = members_of(np.arange(20), matrix(engine, ring(range(20)) | hubs)).members
    assert members.tolist() == list(range(21))


def test_a_group_drops_a_bystander_who_came_in_over_one_address(engine):
    held = ring(range(20)) | {("network", "ip_day", 1): [0, 30]}
    core = np.asarray([*range(20), 30])
    found = members_of(core, matrix(engine, held))
    assert found.members.tolist() == list(range(20))
    assert found.probability[30] < 0.5 < found.probability[0]


def test_an_account_is_no_witness_for_itself(engine):
    held = ring(range(20)) | {("network", "ip_day", 1): [0, 1]}
    found = members_of(np.arange(20), matrix(engine, held))
    # One other of 20 members holds it, and nobody of the 280 outside.
    expected = np.log2(1.1 / 21) - np.log2(0.5 / 281)
    assert found.families[:2, FAMILIES.index("network")] == pytest.approx([expected] * 2)


def test_an_outsider_is_not_taken_in_for_a_token_that_few_members_hold(engine):
    few = {("network", "ip_day", 1): [0, 1, 40], ("device", "device", 1): [2, 3, 40]}
    more = {("network", "ip_day", 1): [0, 1, 4, 40], ("device", "device", 1): [2, 3, 5, 40]}
    wording = {("wording", "skeleton", 0): [*range(20), 40]}
    without = members_of(np.arange(20), matrix(engine, ring(range(20)) | few))
    assert 40 not in without.members
    with_marks = members_of(np.arange(20), matrix(engine, ring(range(20)) | more | wording))
    assert 40 in with_marks.members
    assert with_marks.probability[40] > 0.999
    assert without.probability[40] < 0.5


def test_one_family_alone_never_gives_more_than_its_most(engine):
    found = members_of(np.arange(20), matrix(engine, ring(range(20))))
    assert found.families.max() <= 10.0
    assert found.families[:20, FAMILIES.index("wording")] == pytest.approx(
        # 19 others of 20 hold it and nobody else of 280.
        np.log2(19.1 / 21) - np.log2(0.5 / 281)
    )


def proposed(clusters, tokens, content=None, **how):
    """The candidates where nobody claims anything."""
    content = content or no_content(N)
    return candidates(clusters, tokens, content, claims(), divisions(tokens, content, 0), **how)


def test_candidates_share_no_account_but_for_the_wholes(engine):
    """Three overlapping rings, random bystanders, and popular wordings over all of them."""
    rng = np.random.default_rng(2)
    held = ring(range(30)) | ring(range(25, 60)) | ring(range(100, 140))
    for value in range(1000, 1012):
        held[("wording", "skeleton", value)] = rng.permutation(N)[:60].tolist()
    held |= {("wording", "phrase", 2000 + i): list(range(200, 260)) for i in range(20)}
    clusters = [Cluster(np.arange(a, b), "links") for a, b in ((0, 35), (22, 62), (98, 141))]
    found = proposed(clusters, matrix(engine, held))
    everyone = np.concatenate([c.members for c in found if c.proposed_by != WHOLE])
    assert len(found) >= 4
    assert {c.proposed_by for c in found} == {"links", "wording", WHOLE}
    assert np.unique(everyone).size == everyone.size
    for candidate in found:
        assert candidate.members.size >= MIN_ACCOUNTS
        assert (
            candidate.members.size == candidate.probability.size == len(candidate.first_linked_by)
        )


def test_what_is_proposed_does_not_depend_on_how_many_threads_grow_it(engine):
    rng = np.random.default_rng(5)
    held = {}
    for place in range(0, 280, 20):
        held |= ring(range(place, place + 20))
    for value in range(2000, 2012):
        held[("wording", "skeleton", value)] = rng.permutation(N)[:60].tolist()
    aims = rng.normal(0, 0.4, (15, 128))[np.arange(N) // 20]
    content = Content((aims + rng.normal(0, 0.2, (N, 128))).astype(np.float32), np.full(N, 12))
    clusters = [Cluster(np.arange(a, a + 24), "links") for a in range(0, 270, 20)]
    heard = []
    one, *others = [
        [
            (c.members.tolist(), c.probability.tolist(), c.first_linked_by.tolist(), c.proposed_by)
            for c in proposed(
                clusters,
                matrix(engine, held),
                content,
                threads=threads,
                tell=lambda done, total: heard.append((done, total)),
            )
        ]
        for threads in (1, 2, 5)
    ]
    assert len(one) >= 14
    assert others == [one, one]
    first = heard[: len(heard) // 3]
    assert first == heard[-len(first) :]
    assert [done for done, _ in first] == list(range(first[-1][1] + 1))


def test_clusters_that_share_most_of_their_members_become_one(engine):
    clusters = [Cluster(np.arange(0, 24), "links"), Cluster(np.arange(10, 30), "links")]
    found = proposed(clusters, matrix(engine, ring(range(30))))
    assert [c.members.tolist() for c in found] == [list(range(30))]


def test_a_common_wording_is_a_candidate_unless_a_group_covers_it(engine):
    held = ring(range(20)) | {
        ("wording", "system_prompt", 7): list(range(100, 180)),
        ("wording", "system_prompt", 8): list(range(20)),  # the whole is the linked group itself
    }
    found = proposed([Cluster(np.arange(20), "links")], matrix(engine, held))
    assert [(c.proposed_by, c.members.size) for c in found] == [("wording", 80), ("links", 20)]
    held[("wording", "system_prompt", 8)] = list(range(26))
    found = proposed([Cluster(np.arange(20), "links")], matrix(engine, held))
    assert [(c.proposed_by, c.members.size) for c in found] == [
        ("wording", 80), (WHOLE, 26), ("links", 20), ("wording", 6),
    ]  # fmt: skip


def test_templates_come_together_when_accounts_use_some_of_them_and_popular_ones_divide_nobody(
    engine,
):
    """60 accounts with 3 of 6 templates each and one instruction in all of them, three other
    softwares with as many; a third of all have one popular phrase."""
    rng = np.random.default_rng(4)
    some = np.asarray([rng.permutation(6)[:3] for _ in range(60)])
    held = {
        ("wording", "skeleton", t): np.flatnonzero((some == t).any(axis=1)).tolist()
        for t in range(6)
    }
    held |= {("wording", "phrase", 40 + i): list(range(60)) for i in range(4)}
    for software in range(3):
        users = list(range(100 + 50 * software, 150 + 50 * software))
        held |= {("wording", "phrase", 50 + 10 * software + i): users for i in range(8)}
    held[("wording", "phrase", 90)] = rng.permutation(N)[: N // 3].tolist()
    number = communities(matrix(engine, held), 0, COARSE)
    assert np.unique(number[:60]).size == 1
    assert np.unique(number[100:150]).size == 1
    assert number[0] != number[100]
    holders = set(held[("wording", "phrase", 90)])
    assert [a for a in range(250, N) if number[a] >= 0 and a not in holders] == []


def test_what_one_declared_organisation_shares_ties_it_to_nobody_else(engine):
    firm = np.arange(17, 20)  # three of the twenty: one card and one sign-up of their own
    held = ring(range(17)) | {
        ("money", "payment", 77): firm.tolist(),
        ("registration", "signup_day", 78): firm.tolist(),
        ("network", "ip_day", 79): firm.tolist(),
        ("device", "device", 80): [0, 17],
    }
    claimed = nobody(N)
    alone = members_of(np.arange(20), matrix(engine, held), claimed).members
    claimed[firm] = "Firm"
    open_firm = members_of(np.arange(20), matrix(engine, held), claimed).members
    assert set(firm) <= set(alone.tolist())
    assert open_firm.tolist() == list(range(17))


def test_a_division_gives_its_communities_and_where_members_are():
    number = np.asarray([2, -1, 2, 0, 2, 2, 2, 2, 2, 2, 0, -1])
    division = Division(number, "wording", None)
    assert [c.tolist() for c in division.communities()] == [[0, 2, 4, 5, 6, 7, 8, 9]]
    assert division.of(np.asarray([0, 2, 3]), 0.5) == 2
    assert division.of(np.asarray([0, 3]), 0.6) == -1


def test_a_group_that_is_one_organisation_stays_whole(engine):
    claimed = nobody(N)
    claimed[:20] = "Firm"
    found = members_of(np.arange(20), matrix(engine, ring(range(20))), claimed)
    assert found.members.tolist() == list(range(20))


def test_a_firm_that_declared_nothing_is_known_by_its_mail_and_a_farm_is_not():
    """Five at one domain in one country; ten at a farm's domain who claim ten countries."""
    domain, country = nobody(N), np.full(N, "US", dtype=object)
    domain[:5], domain[50:60] = "firm.example", "farm.example"
    country[50:60] = [f"C{i}" for i in range(10)]
    domain[100:] = "gmail.com"
    firm = customers(claims(email_domain=domain, billing_country=country)).firm
    assert firm[:5].all()
    assert not firm[5:].any()


@pytest.mark.parametrize(("at_home", "is_firm"), [(40, True), (20, False)])
def test_hundreds_at_a_throw_away_domain_are_no_firm(at_home, is_firm):
    """A hundred accounts claim twenty countries, so many of them the same one."""
    domain, country = nobody(20_000), np.full(20_000, "US", dtype=object)
    domain[:100] = "mail.example"
    country[at_home:100] = [f"C{i % 19}" for i in range(100 - at_home)]
    claimed = {
        "email_domain": domain,
        "billing_country": country,
        "organization_id": nobody(20_000),
    }
    assert bool(customers(claimed).firm[0]) is is_firm


def test_what_a_firm_asks_for_ties_it_to_nobody_without_an_identifier_in_common(engine):
    """Three accounts of a declared firm use the ring's wording: they stay out."""
    held = ring(range(20))
    held[("wording", "system_prompt", 900)] = list(range(23))
    names = nobody(N)
    names[20:23] = "Firm"
    tokens_of = matrix(engine, held)
    open_firm = members_of(np.arange(23), tokens_of, names).members
    assert not np.isin([20, 21, 22], open_firm).any()
    assert np.isin(np.arange(20), open_firm).all()


def test_who_asks_about_the_same_things_is_one_community(engine):
    """Forty accounts with a subject of their own among three hundred with one of five."""
    rng = np.random.default_rng(6)
    subject = rng.normal(0, 0.4, (6, 128))
    of = np.r_[np.full(40, 5), rng.integers(0, 5, N - 40)]
    chance = np.clip(0.5 + subject[of] / 2, 0.02, 0.98)
    vectors = (2 * rng.binomial(30, chance) / 30 - 1).astype(np.float32)
    content = Content(vectors, np.full(N, 30))
    number = content_communities(content, 0)
    assert np.unique(number[:40]).size == 1
    assert not np.isin(number[40:], number[:40]).any()
    found = proposed([], matrix(engine, {("wording", "phrase", 1): [0, N - 1]}), content)
    mine = [c for c in found if np.isin(c.members, np.arange(40)).mean() > 0.9]
    assert [c.proposed_by for c in mine] == ["content"]
    assert (content_communities(no_content(N), 0) == -1).all()


def test_parts_that_touch_in_many_places_stay_together_and_others_do_not():
    """Two cliques of fifteen: one link between them parts them, twenty keep them together."""
    cliques = clique(range(15)) + clique(range(15, 30))
    across = [(a, 15 + b) for a in range(5) for b in range(4)]
    for bridges, sizes in ((across[:1], [15, 15]), (across, [30])):
        found = cluster(links_of(cliques + bridges), N, 0)
        assert [c.size for c in found] == sizes


def test_strangers_with_a_card_of_their_own_leave_a_group_that_is_after_something_else(engine):
    """Six accounts of one card and device among twenty of one wording, whose device one of them
    used: they ask for something else, in other words."""
    rng = np.random.default_rng(7)
    held = ring(range(20)) | {
        ("wording", "system_prompt", 900): list(range(20)),
        ("money", "payment", 901): list(range(20, 26)),
        ("device", "device", 902): list(range(20, 26)),
        ("network", "ip_day", 903): [19, 20],
    }
    subject = rng.normal(0, 0.4, (3, 128))
    of = np.r_[np.zeros(20, int), np.ones(6, int), rng.integers(1, 3, N - 26)]
    vectors = (2 * rng.binomial(30, np.clip(0.5 + subject[of] / 2, 0.02, 0.98)) / 30 - 1).astype(
        np.float32
    )
    content = Content(vectors, np.full(N, 30))
    found = Grounds(matrix(engine, held), content, customers(claims())).grown(np.arange(26))
    assert found.members.tolist() == list(range(20))


def test_who_belonged_through_those_that_left_leaves_as_well(engine):
    """Four accounts of one card and device; three use other words, one a wording of the ring that
    many use."""
    held = ring(range(20)) | {
        ("wording", "system_prompt", 900): list(range(20)),
        ("wording", "phrase", 904): [*range(12), 23, *range(100, 125)],
        ("money", "payment", 901): list(range(20, 24)),
        ("device", "device", 902): list(range(20, 24)),
    }
    assert members_of(np.arange(24), matrix(engine, held)).members.tolist() == list(range(20))


def test_an_open_firms_accounts_leave_where_no_member_is_of_a_firm(engine):
    """Five of one firm in the ring's network, with its software and at its moments, in a crowd of
    which half is firms'."""
    firm = np.arange(20, 25)
    shared = {("network", "ip_day", 70): [*range(0, 20, 2), *firm]}
    shared |= {("device", "client_software", 71): [*range(20), *firm]}
    shared |= {("tempo", "burst", 72): [*range(1, 20, 4), *firm]}
    log = matrix(engine, ring(range(20)) | shared)
    crowd = nobody(N)
    crowd[100::2] = [f"Other {i // 4}" for i in range(crowd[100::2].size)]
    claimed = crowd.copy()
    claimed[firm] = "Firm"
    for name, who in (("strangers", crowd), ("firm", claimed)):
        found = members_of(np.arange(25), log, who)
        assert set(range(20)) <= set(found.members.tolist())
        assert (set(firm) <= set(found.members.tolist())) == (name == "strangers")
