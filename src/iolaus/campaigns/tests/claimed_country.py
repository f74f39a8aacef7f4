"""Do members' requests come from the countries that they claim?

Only requests out of access networks say so: whoever works on a hosted machine or through a VPN is
seen where that stands, whatever he claims (campaigns.hosting). Null: coherent groups.
"""

import numpy as np

from iolaus.campaigns.hosting import networks
from iolaus.campaigns.nulls import compare_mean
from iolaus.campaigns.scene import Finding, Scene, Suspect

DETECTOR = "claimed country"
LEAST_SCALE = 0.03  # of a share
SPREAD = 0.5  # of one account's share, at most; the mean of n varies by SPREAD / sqrt(n)
NULL = "groups with one token in common, outside this one"
STATISTIC = "share of requests out of access networks from another country than the account claims"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    members = suspect.members
    known_networks = networks(scene)
    everybody = scene.once(DETECTOR, lambda: known_networks.abroad(np.arange(scene.seen.accounts)))
    mine = known_networks.abroad(members, but=members)
    known = int(np.isfinite(mine).sum())
    if not known:
        why = "no member claims a country and is seen on an access network"
        return [Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)]
    null = scene.group_means(DETECTOR, everybody, members)
    least = max(LEAST_SCALE, SPREAD / np.sqrt(known))
    mean, tail = compare_mean(mine, np.arange(mine.size), null, least_scale=least, robust=True)
    if not np.isfinite(tail.p):
        why = f"{known} of {members.size} members are seen on an access network, or no other group"
        return [Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)]
    detail = f"z = {tail.z:.1f}; {known} of {members.size} members are seen on an access network"
    return [Finding(DETECTOR, "deception", STATISTIC, mean, NULL, tail.p, detail, null)]
