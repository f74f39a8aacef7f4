"""campaigns, members, evidence: what the data contract promises, from an investigation."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from iolaus.campaigns.investigate import Investigation
from iolaus.campaigns.judge import Judged
from iolaus.campaigns.scene import Scene
from iolaus.core.hashing import hash64
from iolaus.core.tables import CAMPAIGNS, CAPABILITIES, EVIDENCE, MEMBERS

STRONG = 0.01  # p-value up to which a test is named in the summary
LEAST_CAPABILITY = 0.005  # a smaller share is not listed


@dataclass(frozen=True)
class Results:
    """Tables of core CAMPAIGNS, MEMBERS and EVIDENCE, largest group first."""

    campaigns: pa.Table
    members: pa.Table
    evidence: pa.Table


def results(found: Investigation) -> Results:
    """Sorted by verdict (distillation first), then by accounts: the same log, the same bytes."""
    judged = sorted(
        found.judged,
        key=lambda j: (
            j.verdict != "distillation",
            -j.candidate.members.size,
            campaign_id(j, found.scene),
        ),
    )
    spans = _spans(found.scene, judged)
    campaigns = [_campaign(j, found.scene, spans[i]) for i, j in enumerate(judged)]
    members = [row for j in judged for row in _members(j, found.scene)]
    evidence = [row for j in judged for row in _evidence(j, found.scene)]
    return Results(
        pa.Table.from_pylist(campaigns, schema=CAMPAIGNS),
        pa.Table.from_pylist(members, schema=MEMBERS),
        pa.Table.from_pylist(evidence, schema=EVIDENCE),
    )


def campaign_id(judged: Judged, scene: Scene) -> str:
    """Named after its oldest member, so that a group keeps its name while it grows."""
    members = judged.candidate.members
    oldest = members[np.lexsort((members, np.nan_to_num(scene.seen.created_day[members])))[0]]
    return f"c-{hash64(str(scene.seen.claims['account_id'][oldest])) & 0xFFFFFFFFFF:010x}"


def _campaign(judged: Judged, scene: Scene, span: dict[str, object]) -> dict[str, object]:
    members, counts = judged.candidate.members, scene.seen.counts
    mix = scene.seen.capabilities[members].sum(axis=0)
    shares = mix / mix.sum() if mix.sum() else mix
    listed = [
        {"capability": CAPABILITIES[i], "share": float(shares[i])}
        for i in np.argsort(-shares, kind="stable")
        if shares[i] >= LEAST_CAPABILITY
    ]
    known = counts["tokens_known"][members].sum() > 0
    row: dict[str, object] = {
        "campaign_id": campaign_id(judged, scene),
        "verdict": judged.verdict,
        "p_value": judged.p,
        "q_value": judged.q,
        "accounts": int(members.size),
        "exchanges": int(counts["exchanges"][members].sum()),
        "input_tokens": int(counts["input_tokens"][members].sum()) if known else None,
        "output_tokens": int(counts["output_tokens"][members].sum()) if known else None,
        "capabilities": listed,
        **span,
    }
    return {**row, "summary": _summary(judged, row)}


def _spans(scene: Scene, judged: list[Judged]) -> list[dict[str, object]]:
    """First and last exchange and the models of each group, in one query."""
    sizes = [j.candidate.members.size for j in judged]
    group = np.repeat(np.arange(len(judged)), sizes) if judged else np.empty(0, dtype=int)
    member = np.concatenate([j.candidate.members for j in judged]) if judged else group
    scene.engine.register(
        "grouped",
        pa.table({"grp": pa.array(group, pa.int32()), "account": pa.array(member, pa.int32())}),
    )
    rows = scene.engine.fetch(
        """
        WITH used AS (
            SELECT grp, model, min(first_at) AS first_seen, sum(exchanges) AS exchanges
            FROM model_uses JOIN grouped USING (account) WHERE day < $until GROUP BY grp, model
        ),
        ended AS (
            SELECT grp, max(last_at) AS last_seen
            FROM account_days JOIN accounts USING (account_id) JOIN grouped USING (account)
            WHERE day < $until GROUP BY grp
        )
        SELECT grp, min(first_seen) AS first_seen, any_value(last_seen) AS last_seen,
               list(model ORDER BY exchanges DESC, model) AS models
        FROM used JOIN ended USING (grp) GROUP BY grp ORDER BY grp
        """,
        {"until": scene.until},
    )
    return [{k: v for k, v in row.items() if k != "grp"} for row in rows.to_pylist()]


# What each verdict says in words; the numbers stand beside it in the other columns.
_SAYS = {
    "distillation": "present themselves as strangers, act as one operator, and collect answers",
    "resale": "present themselves as strangers and act as one operator; no sign of collecting",
    "shared_organisation": "openly belong to one organisation",
    "shared_software": "use the same wording; nothing shows one operator behind them",
    "evaluation": "send a common list of prompts",
    "undetermined": "have something in common; the evidence does not say what they are",
}


def _summary(judged: Judged, row: dict[str, object]) -> str:
    aims = [c["capability"] for c in row["capabilities"] if c["capability"] != "ordinary"][:2]  # type: ignore[attr-defined]
    after = f", mostly after {' and '.join(aims).replace('_', ' ')}" if aims else ""
    strongest = sorted((f for f in judged.findings if f.measured and f.decides), key=lambda f: f.p)
    because = [f.detector for f in strongest if f.p <= STRONG][:4]
    shown = f" Strongest evidence: {', '.join(because)}." if because else ""
    return (
        f"{row['accounts']:,} accounts {_SAYS[judged.verdict]}: {row['exchanges']:,} exchanges"
        f"{after}.{shown}"
    )


def _members(judged: Judged, scene: Scene) -> list[dict[str, object]]:
    candidate, name = judged.candidate, campaign_id(judged, scene)
    order = np.lexsort((candidate.members, -candidate.probability))
    return [
        {
            "campaign_id": name,
            "account_id": scene.seen.claims["account_id"][candidate.members[i]],
            "probability": float(candidate.probability[i]),
            "exchanges": int(scene.seen.exchanges[candidate.members[i]]),
            "first_linked_by": candidate.first_linked_by[i],
        }
        for i in order
    ]


def _evidence(judged: Judged, scene: Scene) -> list[dict[str, object]]:
    name = campaign_id(judged, scene)
    rows: list[dict[str, object]] = [
        {
            "campaign_id": name,
            "detector": f.detector,
            "element": f.element,
            "statistic": f.statistic,
            "value": f.value,
            "null_description": f.null,
            "p_value": f.p if f.measured else None,
            "weight_bits": f.bits if f.measured else None,
            "detail": f.detail,
        }
        for f in judged.findings
        if np.isfinite(f.value)
    ]
    combined: list[dict[str, object]] = [
        {
            "campaign_id": name,
            "detector": f"element: {element}",
            "element": element,
            "statistic": "p-values of the element's tests, combined",
            "value": p,
            "null_description": "none of the element's tests shows anything",
            "p_value": p,
            "weight_bits": None,
            "detail": "smallest p times the number of tests, valid under any dependence",
        }
        for element, p in judged.elements.items()
        if np.isfinite(p)
    ]
    return rows + combined
