"""Each test on groups, both ways: it fires where it should, and stays quiet where it should not."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import stats
from tests.campaigns.making import (
    BEATS_A_DAY,
    DAYS,
    behaviour,
    countries,
    groups,
    keep_bans,
    keep_prompts,
    keep_releases,
    keep_uses,
    scene,
)

from iolaus.campaigns.hosting import networks
from iolaus.campaigns.scene import Finding, Suspect
from iolaus.campaigns.tests import (
    claimed_country,
    claimed_hours,
    concealment,
    deception,
    examine,
    examine_again,
    failover,
    handover,
    harvest,
    overlap,
    pivot,
    rhythm,
    tempo,
)
from iolaus.core.tables import CAPABILITIES

N = 600
SIZE = 15
HONEST = 100  # random honest groups per test
RING = np.arange(SIZE)  # the accounts that a planted case changes
# With 100 honest groups at the 0.05 level, more than this many has probability below 1e-3.
MOST_BELOW = int(stats.binom.isf(1e-3, HONEST, 0.05))


def random_groups(rng, how_many, first=SIZE):
    return [np.sort(first + rng.permutation(N - first)[:SIZE]) for _ in range(how_many)]


def p_values(examine, of_scene, suspects):
    """Per detector, the p-values of the suspects."""
    found = {}
    for members in suspects:
        for finding in examine(Suspect(members, "links"), of_scene):
            found.setdefault(finding.detector, []).append(finding.p)
    return {name: np.asarray(p) for name, p in found.items()}


def quiet(examine, of_scene, seed=9):
    """Hold every detector of a test to its level on random honest groups."""
    found = p_values(examine, of_scene, random_groups(np.random.default_rng(seed), HONEST))
    for name, p in found.items():
        assert np.isfinite(p).all(), name
        assert (p <= 0.05).sum() <= MOST_BELOW, name
    return found


def fires(examine, of_scene):
    """p-value of the ring, by detector."""
    return {name: p[0] for name, p in p_values(examine, of_scene, [RING]).items()}


def travelling(exchanges, abroad):
    """All on one access network, somewhat abroad."""
    rows = zip(range(N), np.zeros(N), exchanges, abroad, strict=True)
    return countries([tuple(row) for row in rows])


def honest(rng, **given):
    """Accounts with habits of their own, in everything that the tests read."""
    exchanges = np.round(rng.lognormal(4.5, 0.5, N))

    def part(low, high):
        return np.round(exchanges * rng.uniform(low, high, N))

    centre = rng.normal(14, 3, N)
    hours = np.exp(-(((np.arange(24)[None, :] - centre[:, None]) / 4) ** 2))
    busy = part(0.0, 0.8)
    capabilities = np.zeros((N, len(CAPABILITIES)))
    capabilities[:, CAPABILITIES.index("software_engineering")] = busy
    capabilities[:, CAPABILITIES.index("ordinary")] = exchanges - busy
    plain = {
        "exchanges": exchanges,
        "has_prompt": exchanges,
        "tokens_known": exchanges,
        "choices_known": exchanges,
        "cache_known": exchanges,
        "operators": travelling(exchanges, part(0.0, 0.3)),
        "in_conversation": part(0.2, 1.0),
        "conversations": part(0.0, 0.2),
        "distinct_prompts": part(0.5, 1.0),
        "cache_used": part(0.0, 0.6),
        "output_tokens": exchanges * rng.lognormal(5.5, 0.5, N),
        "input_tokens": exchanges * rng.lognormal(6, 0.5, N),
        "networks": DAYS * rng.uniform(1, 2, N),
        "mixed_addresses": rng.uniform(0, 0.2, N),
        "hours": np.round(exchanges[:, None] * hours / hours.sum(axis=1, keepdims=True)),
        "capabilities": capabilities,
        "billing_country": np.asarray(rng.choice(["US", "DE", "IN"], N), dtype=object),
    }
    return plain | given


def place(engine, rng, given, holdings=None):
    coherent = groups(random_groups(rng, 80), N)
    return scene(engine, behaviour(N, **given), coherent=coherent, holdings=holdings)


def with_ring(values, ring):
    changed = values.copy()
    changed[RING] = ring
    return changed


# --- tempo -------------------------------------------------------------------------------------


def beats_of(rng, together=False):
    """Poisson beats with a common day; the ring's members work in the same two hours each day."""
    bins = np.arange(DAYS * BEATS_A_DAY)
    day = 0.04 * (1 + np.sin(2 * np.pi * bins / BEATS_A_DAY))
    rate = np.tile(day, (N, 1))
    if together:
        rate[RING] = 0.002
        for start in rng.integers(0, bins.size - 12, DAYS):
            rate[np.ix_(RING, np.arange(start, start + 12))] = 0.6
    return sp.csr_array(rng.poisson(rate).astype(np.float32))


def test_tempo_fires_on_members_who_are_busy_together_and_not_on_common_days(engine):
    rng = np.random.default_rng(1)
    at = place(engine, rng, {"beats": beats_of(rng, together=True)})
    assert fires(tempo.examine, at)["tempo"] < 1e-3
    quiet(tempo.examine, at)


def test_the_mean_correlation_agrees_with_numpy_and_does_not_grow_with_the_group():
    rng = np.random.default_rng(2)
    common = rng.poisson(3, 500)
    series = rng.poisson(3, (60, 500)) + common
    held = np.zeros((2, 60))
    held[0, :20], held[1, :] = 1, 1
    all_found = tempo.mean_correlations(
        sp.csr_array(held), tempo.Series(sp.csr_array(series.astype(float)))
    )
    for scale, width in tempo.SCALES.items():
        found, bins = all_found[scale], 500 // width + 1
        padded = np.pad(series, ((0, 0), (0, bins * width - 500)))
        covariance = np.cov(padded.reshape(60, bins, width).sum(axis=2), bias=True)
        for row, size in enumerate((20, 60)):
            part = covariance[:size, :size]
            deviation = np.sqrt(np.diag(part))
            off = ~np.eye(size, dtype=bool)
            assert found[row] == pytest.approx(
                part[off].sum() / np.outer(deviation, deviation)[off].sum()
            )
    assert all_found["10 minutes"][0] == pytest.approx(all_found["10 minutes"][1], abs=0.05)


def test_tempo_is_not_measured_without_groups_to_compare_with(engine):
    at = scene(engine, behaviour(N, beats=beats_of(np.random.default_rng(1))))
    (finding,) = tempo.examine(Suspect(RING, "links"), at)
    assert np.isnan(finding.p)
    assert finding.detail


# --- rhythm ------------------------------------------------------------------------------------


def test_rhythm_fires_on_hours_that_the_claimed_countries_do_not_keep(engine):
    rng = np.random.default_rng(3)
    given = honest(rng)
    night = np.zeros(24)
    night[:6] = 20.0
    at = place(engine, rng, given | {"hours": with_ring(given["hours"], night)})
    assert fires(rhythm.examine, at)["rhythm"] < 1e-4
    quiet(rhythm.examine, at)


def test_rhythm_expects_of_a_country_the_hours_that_its_accounts_keep(engine):
    """A country of night workers is honest, however different from the others."""
    rng = np.random.default_rng(4)
    given = honest(rng)
    country, hours = given["billing_country"].copy(), given["hours"].copy()
    country[:200] = "NZ"
    hours[:200] = np.roll(hours[:200], 12, axis=1)
    at = place(engine, rng, given | {"billing_country": country, "hours": hours})
    assert fires(rhythm.examine, at)["rhythm"] > 0.05


# --- deception ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detector", "column", "ring"),
    [
        ("address churn", "networks", lambda given: DAYS * 12.0),
        ("mixed addresses", "mixed_addresses", lambda given: 0.9),
    ],
)
def test_deception_fires_on_the_column_that_shows_it_and_on_no_other(
    engine, detector, column, ring
):
    rng = np.random.default_rng(5)
    given = honest(rng)
    at = place(engine, rng, given | {column: with_ring(given[column], ring(given))})
    p = fires(deception.examine, at)
    assert p.pop(detector) < 1e-3
    assert all(other > 0.01 for other in p.values() if np.isfinite(other))


def test_deception_stays_quiet_on_honest_groups(engine):
    rng = np.random.default_rng(6)
    cards = {("money", "payment", i): rng.permutation(N)[:2].tolist() for i in range(60)}
    devices = {("device", "device", i): rng.permutation(N)[:2].tolist() for i in range(60)}
    found = quiet(deception.examine, place(engine, rng, honest(rng), cards | devices))
    assert set(found) == {"shared cards", "shared devices", "address churn", "mixed addresses"}
    quiet(claimed_country.examine, place(engine, rng, honest(rng), cards | devices))


def seen_in(rng, ring_operators, ring_abroad):
    """Customers of five access networks (0 to 4, 2 % abroad) and of a hosting firm (5, 80 %); the
    ring's requests spread over `ring_operators`, `ring_abroad` of them from other countries."""
    rows = [(a, int(rng.integers(5)), 100.0, 100.0 * (rng.random() < 0.02)) for a in range(N)]
    rows += [(a, 5, 100.0, 100.0 * (rng.random() < 0.8)) for a in range(SIZE, N, 6)]
    rows = [row for row in rows if row[0] >= SIZE]
    each = 100.0 / len(ring_operators)
    rows += [(a, o, each, each * ring_abroad) for a in range(SIZE) for o in ring_operators]
    return {"operators": countries(rows)}


def test_claimed_country_fires_on_access_networks_abroad(engine):
    rng = np.random.default_rng(5)
    at = scene(
        engine,
        behaviour(N, **seen_in(rng, range(5), 0.9)),
        coherent=groups(random_groups(rng, 80), N),
    )
    assert fires(claimed_country.examine, at)["claimed country"] < 1e-4
    quiet(claimed_country.examine, at)


def test_hosted_machines_say_nothing_of_a_country(engine):
    rng = np.random.default_rng(5)
    at = scene(
        engine,
        behaviour(N, **seen_in(rng, [5], 1.0)),
        coherent=groups(random_groups(rng, 80), N),
    )
    assert np.isnan(fires(claimed_country.examine, at)["claimed country"])


def test_a_group_cannot_make_its_own_networks_hosting(engine):
    """Six operators that hardly anybody but the ring uses."""
    rng = np.random.default_rng(5)
    at = scene(
        engine,
        behaviour(N, **seen_in(rng, range(6, 12), 0.9)),
        coherent=groups(random_groups(rng, 80), N),
    )
    assert networks(at).hosting()[6:].all()
    assert fires(claimed_country.examine, at)["claimed country"] < 1e-4


def test_claimed_country_needs_countries(engine):
    at = scene(engine, behaviour(N, operators=countries([])))
    (finding,) = claimed_country.examine(Suspect(RING, "links"), at)
    assert np.isnan(finding.p) and "no member" in finding.detail


def test_cards_shared_by_strangers_are_deception_and_by_one_organisation_are_not(engine):
    rng = np.random.default_rng(7)
    cards = {("money", "payment", i): RING[5 * i : 5 * i + 5].tolist() for i in range(3)}
    given = honest(rng)
    assert fires(deception.examine, place(engine, rng, given, cards))["shared cards"] < 1e-4
    organisation = np.full(N, None, dtype=object)
    organisation[RING] = "org-1"
    given["organization_id"] = organisation
    assert fires(deception.examine, place(engine, rng, given, cards))["shared cards"] > 0.1


def test_a_household_is_no_stranger_to_itself_and_neither_is_a_firm(engine):
    """One card each: three of one country; three of three countries; eight of one country; eight
    of one mail domain in one country."""
    country = np.full(N, "US", dtype=object)
    country[3:6] = ["DE", "IN", "BR"]
    domain = np.full(N, "gmail.com", dtype=object)
    domain[14:22] = "firm.example"
    holdings = {
        ("money", "payment", i): list(range(a, b))
        for i, (a, b) in enumerate(((0, 3), (3, 6), (6, 14), (14, 22)))
    }
    at = scene(
        engine, behaviour(N, billing_country=country, email_domain=domain), holdings=holdings
    )
    shared = deception.strangers_share(at.tokens, at.seen, "payment")
    assert [shared[a:b].mean() for a, b in ((0, 3), (3, 6), (6, 14), (14, 22))] == [0, 1, 1, 0]


def test_cards_are_not_measured_in_a_log_without_cards(engine):
    rng = np.random.default_rng(7)
    assert np.isnan(fires(deception.examine, place(engine, rng, honest(rng)))["shared cards"])


# --- claimed hours -----------------------------------------------------------------------------


def local_hours(rng, zone):
    """Accounts that work by day where they live: accounts x 24, UTC."""
    at = (np.arange(24)[None, :] + zone[:, None] - rng.normal(14, 1.5, N)[:, None] + 12) % 24 - 12
    return np.round(300 * np.exp(-((at / 4) ** 2)))


def test_claimed_hours_fires_on_people_all_over_the_world_who_keep_one_clock(engine):
    rng = np.random.default_rng(31)
    countries = {"US": -6.0, "DE": 1.0, "IN": 5.5}
    claimed = np.asarray(rng.choice(list(countries), N), dtype=object)
    zone = np.asarray([countries[c] for c in claimed])
    given = honest(rng, billing_country=claimed, hours=local_hours(rng, zone))
    quiet(claimed_hours.examine, place(engine, rng, given))
    zone[RING] = 8.0
    given["hours"] = local_hours(rng, zone)
    assert fires(claimed_hours.examine, place(engine, rng, given))["claimed hours"] < 5e-3


def test_hosted_machines_say_nothing_of_hours(engine):
    """Machines that run around the clock, by themselves and among the groups of the null."""
    rng = np.random.default_rng(31)
    zones = {"US": -6.0, "DE": 1.0, "IN": 5.5}
    claimed = np.asarray(rng.choice(list(zones), N), dtype=object)
    hours = local_hours(rng, np.asarray([zones[c] for c in claimed]))
    machines = np.concatenate([RING, 300 + rng.permutation(300)[:150]])
    hours[machines] = hours.sum() / N / 24
    given = honest(rng, billing_country=claimed, hours=hours)
    groups_of = [np.sort(SIZE + rng.permutation(300 - SIZE)[:SIZE]) for _ in range(40)]
    groups_of += [np.sort(300 + rng.permutation(300)[:SIZE]) for _ in range(40)]

    def p(hosts):
        """The ring's, where the accounts `hosts` work abroad on an operator's machines."""
        rows = [(a, 1, 100.0, 90.0) if a in hosts else (a, 0, 100.0, 1.0) for a in range(N)]
        seen = behaviour(N, **given | {"operators": countries(rows)})
        at = scene(engine, seen, coherent=groups(groups_of, N))
        return fires(claimed_hours.examine, at)["claimed hours"]

    assert np.isnan(p(set(machines)))
    alone = p(set())
    assert p(set(machines) - set(RING)) < alone / 10


def test_the_spread_between_groups_is_what_their_noise_leaves():
    """2,000 groups of 3 to 300 people, the small ones as noisy as the spread and more."""
    rng = np.random.default_rng(32)
    noise = 0.25 / rng.integers(3, 300, 2_000)
    apart = rng.normal(0, 0.1, 2_000) + rng.normal(0, np.sqrt(noise))
    assert claimed_hours.spread_between(apart, noise) == pytest.approx(0.1, rel=0.1)
    assert claimed_hours.spread_between(rng.normal(0, np.sqrt(noise)), noise) < 0.03
    assert claimed_hours.spread_between(np.zeros(5), np.zeros(5)) == 0.0


# --- concealed control -------------------------------------------------------------------------


def ways(**p):
    return [Finding(n.replace("_", " "), "coordination", "s", 1.0, "n", v) for n, v in p.items()]


def test_concealed_control_asks_for_two_ways_of_acting_as_one(engine):
    keep_prompts(engine, [])
    at = scene(engine, behaviour(N))

    def p(**of):
        return concealment.examine(Suspect(RING, "wording"), at, ways(**of)).p

    assert p(failover=1e-6, tempo=1e-5, release_pivot=0.5) == pytest.approx(2e-5)
    assert p(failover=1e-6, tempo=0.3, release_pivot=0.5) == pytest.approx(0.6)
    assert np.isnan(p(failover=1e-6))


def test_concealed_control_says_nothing_of_members_who_openly_belong_together(engine):
    keep_prompts(engine, [])
    strong = ways(failover=1e-6, tempo=1e-6)

    def p(**claims):
        return concealment.examine(
            Suspect(RING, "wording"), scene(engine, behaviour(N, **claims)), strong
        ).p

    firm = with_ring(np.asarray([f"mail{i % 40}.example" for i in range(N)], dtype=object), "a.co")
    everybody = np.full(N, "gmail.com", dtype=object)
    legal = with_ring(np.full(N, None, dtype=object), "Firm Ltd")
    assert np.isnan(p(email_domain=firm))
    assert np.isnan(p(legal_name=legal))
    assert p(email_domain=everybody) < 1e-5


def queue_of(rng, untied=True):
    """Members hand 30 rare prompts over within minutes, other pairs of accounts after days."""
    rows = []
    for prompt in range(30):
        a, b = rng.permutation(RING)[:2]
        rows += [(prompt, int(a), 3.0), (prompt, int(b), 3.01)]
    for prompt in range(100, 160):
        a, b = SIZE + rng.permutation(N - SIZE)[:2]
        rows += [(prompt, int(a), 3.0), (prompt, int(b), 6.0)]
    return rows


def test_concealed_control_shows_in_a_queue_of_untied_accounts_alone(engine):
    keep_prompts(engine, queue_of(np.random.default_rng(8)))

    def p(cards=()):
        holdings = {("money", "payment", 1): list(cards)}
        at = scene(engine, behaviour(N), holdings=holdings)
        return concealment.examine(Suspect(RING, "wording"), at, []).p

    assert p() < 1e-6
    assert np.isnan(p(cards=RING))  # one card for all: an open tie explains it


# --- harvest -----------------------------------------------------------------------------------


def test_harvest_shape_fires_on_long_single_turns_without_repetition(engine):
    rng = np.random.default_rng(8)
    given = honest(rng)
    exchanges = given["exchanges"][RING]
    given["output_tokens"] = with_ring(given["output_tokens"], exchanges * 3000)
    given["in_conversation"] = with_ring(given["in_conversation"], 0)
    given["conversations"] = with_ring(given["conversations"], 0)
    given["distinct_prompts"] = with_ring(given["distinct_prompts"], exchanges)
    given["cache_used"] = with_ring(given["cache_used"], 0)
    p = fires(harvest.examine, place(engine, rng, given))
    assert p["harvest shape"] < 1e-4
    assert p["capability aim"] > 0.05


def test_capability_aim_fires_on_requests_after_harvested_capabilities_alone(engine):
    rng = np.random.default_rng(8)
    given = honest(rng)
    given["capabilities"][RING] = 0
    given["capabilities"][RING, CAPABILITIES.index("chain_of_thought")] = 100
    p = fires(harvest.examine, place(engine, rng, given))
    assert p["capability aim"] < 1e-4
    assert p["harvest shape"] > 1e-3  # one habit alone makes no harvest


def test_harvest_stays_quiet_on_honest_groups(engine):
    rng = np.random.default_rng(10)
    assert set(quiet(harvest.examine, place(engine, rng, honest(rng)))) == {
        "harvest shape", "capability aim"
    }  # fmt: skip


def test_one_single_habit_makes_no_harvest(engine):
    """A product that never keeps a conversation is no collector."""
    rng = np.random.default_rng(11)
    given = honest(rng)
    given["in_conversation"] = with_ring(given["in_conversation"], 0)
    given["conversations"] = with_ring(given["conversations"], 0)
    assert fires(harvest.examine, place(engine, rng, given))["harvest shape"] > 1e-3


# --- small groups against large ones -------------------------------------------------------------


@pytest.mark.parametrize(
    ("examine", "detector"),
    [
        (tempo.examine, "tempo"),
        (rhythm.examine, "rhythm"),
        (deception.examine, "address churn"),
        (harvest.examine, "capability aim"),
    ],
)
def test_small_honest_groups_stay_quiet_where_the_groups_of_the_null_are_large(
    engine, examine, detector
):
    rng = np.random.default_rng(42)
    given = honest(rng) | {"beats": beats_of(rng)}
    large = [np.sort(rng.permutation(N)[: rng.integers(80, 161)]) for _ in range(80)]
    at = scene(engine, behaviour(N, **given), coherent=groups(large, N))
    small = [np.sort(rng.permutation(N)[:8]) for _ in range(HONEST)]
    p = p_values(examine, at, small)[detector]
    assert (p <= 0.05).sum() <= MOST_BELOW


# --- reactions: pivots and bans ----------------------------------------------------------------


def keep_adoption(engine, rng, ring_share):
    """Everybody uses the old model all the time; 15 % move to the new one within a day."""
    rows = [(a, "old", day + rng.uniform()) for a in range(N) for day in (2, 5, 8)]
    share = np.full(N, 0.15)
    share[RING] = ring_share
    rows += [(a, "new", 7 + rng.uniform(0, 0.9)) for a in np.flatnonzero(rng.random(N) < share)]
    keep_uses(engine, rows)
    keep_releases(engine, [("new", 7.0)])


def test_pivot_fires_when_members_move_together_to_a_release(engine):
    rng = np.random.default_rng(12)
    keep_adoption(engine, rng, ring_share=0.9)
    at = place(engine, rng, honest(rng))
    assert fires(pivot.examine, at)["release pivot"] < 1e-3
    quiet(pivot.examine, at)


def test_pivot_is_not_measured_without_a_release(engine):
    keep_uses(engine, [(0, "old", 1.0)])
    keep_releases(engine, [])
    at = place(engine, np.random.default_rng(12), honest(np.random.default_rng(12)))
    (finding,) = pivot.examine(Suspect(RING, "links"), at)
    assert np.isnan(finding.p)
    assert finding.detail == "no release in the log"


def keep_starts(engine, rng, seen, after_ban):
    """Everybody starts at a random time; three bans; `after_ban` members start an hour later."""
    start = rng.uniform(0, DAYS, N)
    bans = [(RING[0], 6.3), (RING[1], 7.6), (RING[2], 8.4)]
    start[RING[:3]] = 0.5
    for place_in_ring, account in enumerate(RING[3 : 3 + after_ban]):
        start[account] = bans[place_in_ring % 3][1] + rng.uniform(0.01, 0.1)
    keep_uses(engine, [(a, "old", start[a]) for a in range(N)])
    keep_bans(engine, seen, bans)


@pytest.mark.parametrize(("after_ban", "low", "high"), [(12, 0.0, 1e-3), (0, 0.05, 1.0)])
def test_failover_fires_when_members_start_after_members_were_banned(engine, after_ban, low, high):
    rng = np.random.default_rng(13)
    seen = behaviour(N)
    keep_starts(engine, rng, seen, after_ban)
    p = fires(failover.examine, scene(engine, seen))["failover"]
    assert low <= p <= high


def test_failover_stays_quiet_on_groups_whose_bans_nobody_follows(engine):
    rng = np.random.default_rng(14)
    seen = behaviour(N)
    keep_uses(engine, [(a, "old", rng.uniform(0, DAYS)) for a in range(N)])
    banned = rng.permutation(N)[: N // 5]  # so that groups of 15 have three bans on average
    keep_bans(engine, seen, [(a, rng.uniform(6, 8)) for a in banned])
    suspects = random_groups(rng, HONEST, first=0)
    p = p_values(failover.examine, scene(engine, seen), suspects)["failover"]
    measured = p[np.isfinite(p)]
    assert measured.size >= 80
    assert (measured <= 0.05).sum() <= MOST_BELOW


# --- prompts -----------------------------------------------------------------------------------


def common_prompts(rng, gap):
    """300 rare prompts of two random accounts each, days apart; the ring's 30 `gap` days apart."""
    rows = []
    for prompt in range(300):
        a, b = SIZE + rng.permutation(N - SIZE)[:2]
        first = rng.uniform(0, DAYS - 4)
        quick = rng.random() < 0.1
        rows += [(prompt, a, first), (prompt, b, first + (0.01 if quick else rng.uniform(1, 3)))]
    for prompt in range(1000, 1030):
        a, b = rng.permutation(RING)[:2]
        first = rng.uniform(0, DAYS - 4)
        rows += [(prompt, a, first), (prompt, b, first + gap)]
    return rows


@pytest.mark.parametrize(("gap", "low", "high"), [(0.02, 0.0, 1e-6), (1.5, 0.2, 1.0)])
def test_hand_over_fires_on_work_that_moves_within_the_hour(engine, gap, low, high):
    rng = np.random.default_rng(15)
    keep_prompts(engine, common_prompts(rng, gap))
    p = fires(handover.examine, scene(engine, behaviour(N)))["hand-over"]
    assert low <= p <= high


def test_hand_over_stays_quiet_on_honest_pairs(engine):
    """Groups of pairs that have a rare prompt in common, one in ten of them within the hour."""
    rng = np.random.default_rng(16)
    keep_prompts(engine, [(p, a, t) for p, a, t in common_prompts(rng, 1.5) if p < 1000])
    at = scene(engine, behaviour(N))
    p = p_values(handover.examine, at, random_groups(rng, HONEST, first=0))["hand-over"]
    assert np.isnan(p).all()  # 15 of 600 accounts have hardly a prompt in common: not measured
    half = [np.sort(rng.permutation(N)[: N // 2]) for _ in range(HONEST)]
    p = p_values(handover.examine, at, half)["hand-over"]
    assert np.isfinite(p).all()
    assert (p <= 0.05).sum() <= MOST_BELOW


def test_popular_prompts_are_no_hand_over(engine):
    rows = [(1, a, 3.0 + 0.001 * a) for a in range(40)]  # one assignment, all within the hour
    keep_prompts(engine, rows)
    assert np.isnan(fires(handover.examine, scene(engine, behaviour(N)))["hand-over"])


def test_overlap_is_the_share_of_requests_that_several_accounts_sent(engine):
    rows = (
        [(1, a, 1.0) for a in range(4)]
        + [(2, a, 1.0) for a in range(3)]
        + [(3, 0, 2.0), (3, 1, 2.0)]
    )
    keep_prompts(engine, rows)
    seen = behaviour(N, has_prompt=np.full(N, 2.0))
    (finding,) = overlap.examine(Suspect(np.arange(4), "links"), scene(engine, seen))
    assert finding.value == pytest.approx(4 / 8)  # only prompt 1 has four senders; 4 * 2 requests
    assert np.isnan(finding.p)


# --- what cannot be measured ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "examine",
    [
        deception.examine,
        failover.examine,
        handover.examine,
        harvest.examine,
        pivot.examine,
        rhythm.examine,
        tempo.examine,
        overlap.examine,
    ],
    ids=lambda examine: examine.__module__.rsplit(".", 1)[-1],
)
def test_in_an_empty_log_every_test_says_why_it_was_not_measured(engine, examine):
    seen = behaviour(N, has_prompt=np.zeros(N))
    keep_uses(engine, [(0, "old", 1.0)])
    keep_releases(engine, [])
    keep_bans(engine, seen, [])
    keep_prompts(engine, [])
    for finding in examine(Suspect(RING, "links"), scene(engine, seen)):
        assert np.isnan(finding.p), finding.detector
        assert np.isnan(finding.value), finding.detector
        assert finding.detail, finding.detector


def test_single_turns_are_not_measured_in_a_log_without_conversations():
    shapes = harvest.harvest_shapes(behaviour(N), np.full(N, np.nan))
    assert np.isnan(shapes["single turns"]).all()


def test_a_shape_that_was_not_measured_is_null_and_not_0():
    zero = np.zeros(N)
    seen = behaviour(N, tokens_known=zero, choices_known=zero, cache_known=zero, has_prompt=zero)
    shapes = harvest.harvest_shapes(seen, np.full(N, np.nan))
    for name in ("long answers", "output per input", "reasoning", "no cache reuse",
                 "several choices", "no prompt twice a day", "one wording"):  # fmt: skip
        assert np.isnan(shapes[name]).all(), name


# --- examined again -----------------------------------------------------------------------------


def test_what_does_not_compare_with_groups_is_not_measured_again(engine):
    keep_prompts(engine, [])
    keep_bans(engine, behaviour(N), [])
    keep_releases(engine, [])
    keep_uses(engine, [])
    at = place(engine, np.random.default_rng(41), honest(np.random.default_rng(42)))
    suspect = Suspect(RING, "wording")
    before = examine(suspect, at)
    same = examine_again(suspect, at, before)
    assert [f.detector for f in same] == [f.detector for f in before]
    assert np.allclose([f.value for f in same], [f.value for f in before], equal_nan=True)
    half = groups(random_groups(np.random.default_rng(43), 40), N)
    after = {f.detector: f for f in examine_again(suspect, at.with_groups(half), before)}
    held = {f.detector: f for f in before}
    assert after["failover"] is held["failover"]
    assert after["tempo"].draws.size == 40 != held["tempo"].draws.size
