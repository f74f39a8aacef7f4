"""Do members send what many others send too: a public benchmark, an assignment?

No test of an element: a popular list of prompts speaks for an evaluation and against a queue that
was divided. Statistic: share of members' prompts that at least POPULAR_HOLDERS accounts sent.
"""

import numpy as np

from iolaus.campaigns.scene import Finding, Floats, Scene, Suspect

POPULAR_HOLDERS = 4
DETECTOR = "prompt overlap"
NULL = "none: it describes"
STATISTIC = "share of requests whose exact prompt several accounts sent"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    popular = scene.once("popular prompts", lambda: _popular(scene))
    prompts = scene.seen.counts["has_prompt"][suspect.members].sum()
    value = popular[suspect.members].sum() / prompts if prompts else np.nan
    why = "" if prompts else "the log has no prompts"
    return [Finding(DETECTOR, "coordination", STATISTIC, float(value), NULL, np.nan, why)]


def _popular(scene: Scene) -> Floats:
    """Per account: exchanges whose exact prompt at least POPULAR_HOLDERS accounts sent."""
    rows = scene.engine.fetch(
        f"""
        WITH popular AS (
            SELECT prompt_hash FROM shared_prompts WHERE day < $until
            GROUP BY prompt_hash HAVING count(DISTINCT account) >= {POPULAR_HOLDERS}
        )
        SELECT account, sum(exchanges)::BIGINT AS exchanges
        FROM shared_prompts SEMI JOIN popular USING (prompt_hash)
        WHERE day < $until GROUP BY account ORDER BY account
        """,
        {"until": scene.until},
    )
    popular = np.zeros(scene.seen.accounts)
    popular[rows["account"].to_numpy()] = rows["exchanges"].to_numpy()
    return popular
