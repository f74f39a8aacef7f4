"""What the report draws: timelines, ties, null draws, and what was not measured."""

import numpy as np
import pyarrow as pa

from iolaus.campaigns.investigate import Investigation
from iolaus.campaigns.results import campaign_id
from iolaus.campaigns.scene import pairs_within
from iolaus.core.tables import FAMILIES, NULLS, TIES, TIMELINE, UNMEASURED

MOST_TIES = 400  # per group: a picture, not the graph
MOST_DRAWS = 400


def timeline(found: Investigation) -> pa.Table:
    """Exchanges per group and UTC day; all accounts outside any group under a null name."""
    scene = found.scene
    names = np.full(scene.seen.accounts, None, dtype=object)
    for judged in found.judged:
        names[judged.candidate.members] = campaign_id(judged, scene)
    scene.engine.register(
        "named",
        pa.table(
            {
                "account": pa.array(np.arange(scene.seen.accounts), pa.int32()),
                "campaign_id": pa.array(names.tolist(), pa.string()),
            }
        ),
    )
    rows = scene.engine.fetch(
        """
        SELECT campaign_id, day, sum(exchanges)::BIGINT AS exchanges
        FROM profiles JOIN named USING (account) WHERE day < $until
        GROUP BY ALL ORDER BY campaign_id NULLS LAST, day
        """,
        {"until": scene.until},
    )
    return rows.cast(TIMELINE)


def ties(found: Investigation) -> pa.Table:
    """The strongest links inside each group, at most MOST_TIES."""
    scene, links = found.scene, found.scene.links
    account_ids = scene.seen.claims["account_id"]
    rows = []
    for judged in found.judged:
        mine, *_ = pairs_within(judged.candidate.members, links.a, links.b)
        strongest = mine[np.argsort(-links.bits[mine], kind="stable")][:MOST_TIES]
        name = campaign_id(judged, scene)
        rows += [
            {
                "campaign_id": name,
                "account_a": account_ids[links.a[i]],
                "account_b": account_ids[links.b[i]],
                "bits": float(links.bits[i]),
                **dict(zip(FAMILIES, map(float, links.families[i]), strict=True)),
            }
            for i in strongest
        ]
    return pa.Table.from_pylist(rows, schema=TIES)


def nulls(found: Investigation) -> pa.Table:
    """Each test's value and null draws (thinned evenly to MOST_DRAWS)."""
    rows = [
        {
            "campaign_id": campaign_id(judged, found.scene),
            "detector": f.detector,
            "value": f.value,
            "draws": np.sort(f.draws)[:: max(1, f.draws.size // MOST_DRAWS)].tolist(),
        }
        for judged in found.judged
        for f in judged.findings
        if f.measured and f.draws.size
    ]
    return pa.Table.from_pylist(rows, schema=NULLS)


def unmeasured(found: Investigation) -> pa.Table:
    """Tests that could not be run on a group, and why."""
    rows = [
        {
            "campaign_id": campaign_id(judged, found.scene),
            "detector": f.detector,
            "why": f.detail,
        }
        for judged in found.judged
        for f in judged.findings
        if not np.isfinite(f.value)
    ]
    return pa.Table.from_pylist(rows, schema=UNMEASURED)
