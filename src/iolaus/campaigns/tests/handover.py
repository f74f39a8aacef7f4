"""Does the same rare prompt move from one member to another within the hour?

A common queue gives each piece of work to one account, and gives it to another when the first
fails. Statistic: of the pairs of members that sent the same rare prompt (at most RARE_HOLDERS
accounts in the log sent it), the share within an hour. Null: the same share among all other pairs
of accounts in the log that have a rare prompt in common (binomial).
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from iolaus.campaigns.scene import Finding, Ints, Scene, Suspect, pairs_within
from iolaus.core.statistics import SMALLEST_P

RARE_HOLDERS = 5
LEAST_PAIRS = 5
STATISTIC = "share of common rare prompts handed over within an hour"
NULL = "pairs of accounts outside the group with a rare prompt in common"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    pairs = rare_pairs(scene)
    within, *_ = pairs_within(suspect.members, pairs.a, pairs.b)
    mine, mine_quick = int(pairs.n[within].sum()), int(pairs.quick[within].sum())
    if mine < LEAST_PAIRS:
        why = f"members have {mine} rare prompts in common"
        return [Finding("hand-over", "coordination", STATISTIC, np.nan, NULL, np.nan, why)]
    every = scene.once("rare prompts in all", lambda: (pairs.n.sum(), pairs.quick.sum()))
    rate = (every[1] - mine_quick + 1) / (every[0] - mine + 2)
    p = max(float(stats.binom.sf(mine_quick - 1, mine, rate)), SMALLEST_P)
    detail = f"{mine_quick} of {mine}; outside the group {rate:.3f}"
    return [Finding("hand-over", "coordination", STATISTIC, mine_quick / mine, NULL, p, detail)]


class RarePairs(NamedTuple):
    """Pairs of accounts (a < b), in order, with n rare prompts in common, `quick` of them within an
    hour."""

    a: Ints
    b: Ints
    n: Ints
    quick: Ints


def rare_pairs(scene: Scene) -> RarePairs:
    """As `_pairs`, made once."""
    return scene.once("rare prompts in common", lambda: _pairs(scene))


def _pairs(scene: Scene) -> RarePairs:
    rows = scene.engine.fetch(
        f"""
        WITH sent AS (
            SELECT prompt_hash, account, min(first_at) AS sent_at FROM shared_prompts
            WHERE day < $until GROUP BY prompt_hash, account
        ),
        rare AS (
            SELECT * FROM sent QUALIFY count(*) OVER (PARTITION BY prompt_hash) <= {RARE_HOLDERS}
        )
        SELECT x.account AS a, y.account AS b, count(*) AS n,
               count(*) FILTER (WHERE abs(epoch(x.sent_at) - epoch(y.sent_at)) < 3600) AS quick
        FROM rare AS x JOIN rare AS y USING (prompt_hash)
        WHERE x.account < y.account GROUP BY a, b ORDER BY a, b
        """,
        {"until": scene.until},
    )
    return RarePairs(*(rows[name].to_numpy().astype(np.int64) for name in RarePairs._fields))
