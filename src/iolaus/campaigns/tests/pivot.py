"""Do members move to a new release together, within a day?

Statistic: share of members active in the week before a release that use it within 24 hours; the
release with the smallest p counts, times the number of releases. Null: coherent groups.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from iolaus.campaigns.nulls import compare_mean
from iolaus.campaigns.scene import Finding, Floats, Scene, Suspect

LEAST_SCALE = 0.02
NULL = "groups with one token in common, outside this one"
STATISTIC = "share of members on a new release within 24 hours"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    releases = scene.once("releases", lambda: _releases(scene))
    tested = []
    for release in releases:
        name = f"adoption of {release['model']} at {release['released_at']}"
        adopted = scene.once(name, partial(_adopted, scene, **release))
        if np.isfinite(adopted[suspect.members]).sum() < 3:
            continue
        null = scene.group_means(name, adopted, suspect.members)
        share, tail = compare_mean(
            adopted, suspect.members, null, least_scale=LEAST_SCALE, robust=False
        )
        if np.isfinite(tail.p):
            tested.append((tail.p, share, release["model"], null))
    if not tested:
        why = "no release in the log" if not releases else "too few members were active before one"
        return [Finding("release pivot", "coordination", STATISTIC, np.nan, NULL, np.nan, why)]
    p, share, model, null = min(tested, key=lambda t: (t[0], t[2]))
    detail = f"release of {model}; {len(tested)} tested"
    p = min(1.0, p * len(tested))
    return [Finding("release pivot", "coordination", STATISTIC, share, NULL, p, detail, null)]


def _releases(scene: Scene) -> list[dict[str, Any]]:
    """Releases that are at least a day old."""
    rows = scene.engine.fetch(
        "SELECT DISTINCT model, released_at FROM releases "
        "WHERE released_at < $until ORDER BY released_at, model",
        {"until": scene.until - timedelta(days=1)},
    )
    return list(rows.to_pylist())


def _adopted(scene: Scene, model: str, released_at: datetime) -> Floats:
    """1 if the account used the model within 24 hours, 0 if not, NaN if it was not active."""
    rows = scene.engine.fetch(
        """
        SELECT account,
               bool_or(model = $model AND first_at >= $at
                       AND first_at < $at + INTERVAL 24 HOURS) AS adopted
        FROM model_uses
        WHERE day < $until
          AND first_at >= $at - INTERVAL 7 DAYS AND first_at < $at + INTERVAL 7 DAYS
        GROUP BY account HAVING min(first_at) < $at
        """,
        {"model": model, "at": released_at, "until": scene.until},
    )
    values = np.full(scene.seen.accounts, np.nan)
    values[rows["account"].to_numpy()] = rows["adopted"].to_numpy(zero_copy_only=False)
    return values
