"""Is one operator at work behind customers who claim to have nothing to do with each other?

An operator can buy a card, an address and a device for every account. What he cannot hide is that
they act as one. Common software and a common event make honest strangers act alike in one way; so
two different ways are asked for: a queue (hand-over), replacement after bans (failover), common
timing (tempo) and a joint move to a release (pivot). The second smallest of their p-values, times
the number of ways left, holds where at most one of them is real (partial conjunction; Benjamini
and Heller 2008). It says nothing where members openly belong together.
"""

import numpy as np

from iolaus.campaigns.scene import Finding, Scene, Suspect

DETECTOR = "concealed control"
WAYS = ("hand-over", "failover", "tempo", "release pivot")
OPEN_SHARE = 0.5  # of members with one organisation, legal name or mail domain of their own
OWN_DOMAIN = 0.5  # of a domain's accounts are members: it is no public one
STATISTIC = "ways in which members with no open tie act as one, of those measured"
NULL = "at most one way is real"
STRONG = 0.01


def examine(suspect: Suspect, scene: Scene, findings: list[Finding]) -> Finding:
    """`findings`: what the other tests found in the same group."""
    p = np.asarray([f.p for f in findings if f.detector in WAYS and f.measured])
    why = ""
    if p.size < 2:
        why = "fewer than two ways were measured"
    elif open_share(suspect, scene) >= OPEN_SHARE:
        why = "the members openly belong together"
    if why:
        return Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)
    second = float(np.sort(p)[1])
    value = float((p <= STRONG).sum())
    return Finding(
        DETECTOR, "deception", STATISTIC, value, NULL, min(1.0, (p.size - 1) * second),
        f"{p.size} ways measured",
    )  # fmt: skip


def open_share(suspect: Suspect, scene: Scene) -> float:
    """Largest share of members who state the same organisation, legal name or own mail domain."""
    claims = scene.seen.claims
    shares = [_largest(claims[name][suspect.members]) for name in ("organization_id", "legal_name")]
    domain = claims["email_domain"]
    name, share = _commonest(domain[suspect.members])
    if name is not None and (domain[suspect.members] == name).sum() >= OWN_DOMAIN * max(
        1, int((domain == name).sum())
    ):
        shares.append(share)
    return max(shares)


def _largest(values: np.ndarray) -> float:
    return _commonest(values)[1]


def _commonest(values: np.ndarray) -> tuple[str | None, float]:
    known = np.asarray([v for v in values if v is not None], dtype=str)
    if known.size == 0:
        return None, 0.0
    names, counts = np.unique(known, return_counts=True)
    return str(names[counts.argmax()]), float(counts.max() / values.size)
