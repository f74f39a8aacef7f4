"""Is one operator at work behind customers who claim to have nothing to do with each other?

An operator can buy a card, an address and a device for every account. What he cannot hide is that
they act as one. Two things show it:

- One queue: pairs of members that hand the same rare prompt over within the hour, counted once a
  pair, and only pairs that no open tie explains (organisation, legal name, own mail domain, card).
  Null: all other such pairs in the log (binomial).
- Several ways at once. Common software and a common event make honest strangers act alike in one
  way; so two are asked for of a queue (hand-over), replacement after bans (failover), common timing
  (tempo) and a joint move to a release (pivot). The second smallest of their p-values, times the
  number of ways left, holds where at most one of them is real (partial conjunction; Benjamini and
  Heller 2008).

The smaller counts twice. It says nothing where the members openly belong together.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from iolaus.campaigns.behaviour import numbered
from iolaus.campaigns.customers import commonest, own_domains
from iolaus.campaigns.scene import Finding, Scene, Suspect, pairs_within
from iolaus.campaigns.tests.handover import LEAST_PAIRS, rare_pairs
from iolaus.core.statistics import SMALLEST_P

DETECTOR = "concealed control"
WAYS = ("hand-over", "failover", "tempo", "release pivot")
OPEN_SHARE = 0.5  # of members with one organisation, legal name or mail domain of their own
OWN_DOMAIN = 0.5  # of a domain's accounts are members: it is no public one
STATISTIC = "share of untied pairs of members that hand work over within an hour"
NULL = "pairs outside the group; at most one way of acting as one is real"


def examine(suspect: Suspect, scene: Scene, findings: list[Finding]) -> Finding:
    """`findings`: what the other tests found in the same group."""
    if open_share(suspect, scene) >= OPEN_SHARE:
        why = "the members openly belong together"
        return Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)
    share, queue, counted = _queue(suspect, scene)
    ways = np.sort([f.p for f in findings if f.detector in WAYS and f.measured])
    several = min(1.0, (ways.size - 1) * float(ways[1])) if ways.size > 1 else float("nan")
    known = [p for p in (queue, several) if np.isfinite(p)]
    if not known:
        why = "no common queue and fewer than two ways were measured"
        return Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)
    p = min(1.0, len(known) * min(known))
    detail = f"{counted}; {ways.size} ways of acting as one measured"
    return Finding(DETECTOR, "deception", STATISTIC, share, NULL, p, detail)


def _queue(suspect: Suspect, scene: Scene) -> tuple[float, float, str]:
    """Share of members' untied pairs that hand over, its p-value, and what was counted."""
    a, b, quick = scene.once("untied pairs", lambda: _untied(scene))
    mine, *_ = pairs_within(suspect.members, a, b)
    count, fast = mine.size, int(quick[mine].sum())
    if count < LEAST_PAIRS:
        return 0.0, float("nan"), f"{count} untied pairs with a rare prompt in common"
    every = scene.once("untied pairs handed over", lambda: int(quick.sum()))
    rate = (every - fast + 1) / (quick.size - count + 2)
    p = max(float(stats.binom.sf(fast - 1, count, rate)), SMALLEST_P)
    return fast / count, p, f"{fast} of {count} untied pairs; outside the group {rate:.3f}"


def handed_over(scene: Scene) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of accounts without an open tie that hand rare prompts over within the hour."""
    a, b, quick = scene.once("untied pairs", lambda: _untied(scene))
    return a[quick], b[quick]


def _untied(scene: Scene) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs with a rare prompt in common and no open tie; whether half of it went over quickly."""
    pairs = rare_pairs(scene)
    a, b = pairs.a, pairs.b
    quick = pairs.quick >= 0.5 * pairs.n
    tied = np.zeros(a.size, dtype=bool)
    for code in _ties(scene):
        tied |= (code[a] == code[b]) & (code[a] >= 0)
    return a[~tied], b[~tied], quick[~tied]


def _ties(scene: Scene) -> list[NDArray[np.int64]]:
    """Per kind of open tie a number per account, -1 where it has none."""
    claims = scene.seen.claims
    cards = scene.tokens.columns(scene.tokens.of_kind("payment")).held.tocoo()
    card = np.full(scene.seen.accounts, -1, dtype=np.int64)
    card[cards.row] = cards.col
    stated = [numbered(claims[name]) for name in ("organization_id", "legal_name")]
    return [*stated, own_domains(claims), card]


def open_share(suspect: Suspect, scene: Scene) -> float:
    """Largest share of members who state the same organisation, legal name or own mail domain."""
    claims = scene.seen.claims
    stated = ("organization_id", "legal_name")
    shares = [commonest(claims[name][suspect.members])[1] for name in stated]
    domain, share = commonest(claims["email_domain"][suspect.members])
    domains = scene.once("accounts by mail domain", lambda: Counter(claims["email_domain"]))
    theirs = domains[domain] if domain is not None else 0
    if theirs and share * suspect.members.size >= OWN_DOMAIN * theirs:
        shares.append(share)
    return max(shares)
