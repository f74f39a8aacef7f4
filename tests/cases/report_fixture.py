"""A run as the pipeline would hand it over: two campaigns, eight honest clusters, hostile text."""

# ruff: noqa: E501 (rows of test data read better unbroken)

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from iolaus.cases import ReportInput
from iolaus.core import tables

START = datetime(2026, 3, 2, tzinfo=UTC)
FAMILIES = tables.FAMILIES

# Every one of these must come out as text, never as markup, and never move its neighbours.
HOSTILE = (
    "<script>alert('mark')</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)><mark id="stolen">',
    "'; style='x' onmouseover='alert(1)",
    "</title></svg></style></script><iframe src=//x.example>",
    "{{ 7*7 }}{% include 'x' %}${7*7}",
    "user\u202eadmin\u2066\u2067 txt.exe",
    "nul\x00bel\x07esc\x1b[31mdel\x7f",
    "zero\u200bwidth\u200d\ufeffjoin\u00ad",
    "z" + "\u0301" * 40 + "algo",
    "blank\u3164\u2800\U000e0041tags",
    "<!-- --><![CDATA[ ]]>&lt;b&gt;&#60;",
)


def table(schema: pa.Schema, found: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table; keys that are absent become null."""
    return pa.table(
        {
            name: pa.array([row.get(name) for row in found], schema.field(name).type)
            for name in schema.names
        }
    )


def empty(**run: Any) -> ReportInput:
    """A run that found no cluster at all."""
    names = (
        "CAMPAIGNS",
        "MEMBERS",
        "EVIDENCE",
        "TIMELINE",
        "TIES",
        "NULLS",
        "EXCERPTS",
        "UNMEASURED",
    )
    return ReportInput(
        **{name.lower(): getattr(tables, name).empty_table() for name in names}, run=run
    )


_TESTS = (
    # detector, element, statistic, null, centre and spread of its draws, value, p, bits
    ("work split", "coordination", "exact-prompt overlap", "prompts permuted among accounts, skeleton and volume kept, 999 draws", 0.21, 0.012, 0.034, 0.001, 9.4),
    ("tempo", "coordination", "variance ratio at 10 min", "each account's series shifted by whole days, 999 draws", 1.0, 0.08, 4.1, 0.001, 11.2),
    ("tempo", "coordination", "variance ratio at 1 d", "each account's series shifted by whole days, 999 draws", 1.0, 0.1, 1.21, 0.021, 3.1),
    ("rhythm", "coordination", "distance of hour-of-week profiles", "strangers of the same zones and volume, 999 draws", 0.11, 0.03, 0.27, 0.001, 5.6),
    ("joint reactions", "coordination", "accounts that pivot within 24 h", "shifted by whole days, 999 draws", 41, 9, 486, 0.001, 12.9),
    ("concealment", "deception", "share of proxy networks", "declared organisations' accounts, 999 draws", 0.07, 0.02, 0.61, 0.001, 8.3),
    ("sign-up farm", "deception", "accounts per sign-up burst", "strangers of the same plan, 999 draws", 1.4, 0.2, 7.9, 0.001, 6.0),
    ("capability concentration", "harvest", "share of the three rarest capabilities", "strangers of the same volume, 999 draws", 0.22, 0.03, 0.78, 0.001, 7.7),
    ("harvest shape", "harvest", "output to input ratio", "benign accounts of the same volume, 999 draws", 2.1, 0.5, 3.4, 0.008, 2.4),
    ("probing before volume", "harvest", "accounts that probe first", "benign accounts of the same volume, 999 draws", 30, 6, 31, 0.44, -0.7),
)  # fmt: skip

_HONEST = (
    # verdict, accounts, exchanges, p of coordination, deception, harvest, summary
    (
        "shared_software",
        2_400,
        310_500,
        0.31,
        0.64,
        0.22,
        "Independent users of one agent framework.",
    ),
    (
        "shared_organisation",
        640,
        288_000,
        0.0002,
        0.81,
        0.09,
        "Seats of one declared enterprise behind one NAT.",
    ),
    (
        "resale",
        410,
        120_400,
        0.0004,
        0.002,
        0.47,
        "A pool of ordinary customers behind one reseller.",
    ),
    ("evaluation", 38, 41_200, 0.28, 0.72, 0.003, "Evaluators who run the same public benchmark."),
    ("shared_organisation", 12, 38_000, 0.001, 0.9, 0.002, "A declared synthetic-data job."),
    ("undetermined", 30, 1_900, 0.04, 0.3, 0.5, "A class with one assignment."),
    ("undetermined", 9, 800, 0.03, None, 0.2, "A hackathon; no network data for its accounts."),
    ("shared_software", 5, 410, None, None, None, None),
)


def realistic(seed: int = 7, honest: int = 8, campaigns: int = 2) -> ReportInput:
    """`campaigns` distillation campaigns and `honest` other clusters over 45 days."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "campaigns",
            "members",
            "evidence",
            "timeline",
            "ties",
            "nulls",
            "excerpts",
            "unmeasured",
        )
    }
    for i in range(campaigns):
        _campaign(rows, i, rng)
    for i in range(honest):
        _cluster(rows, i)
    for d in range(45):
        day = date(2026, 3, 2) + timedelta(days=d)
        week = 0.62 if day.weekday() > 4 else 1.0
        rows["timeline"].append(
            {
                "campaign_id": None,
                "day": day,
                "exchanges": int(70_000 * week * rng.uniform(0.93, 1.07)),
            }
        )
    rows["unmeasured"].append(
        {
            "campaign_id": None,
            "detector": "content",
            "why": "needs vectors of the prompts, which this run did not compute",
        }
    )
    built = {name: table(getattr(tables, name.upper()), some) for name, some in rows.items()}
    return ReportInput(**built, run=_run())


def _run() -> dict[str, Any]:
    return {
        "version": "0.1.0", "log": "logs/2026-spring", "started_at": datetime(2026, 4, 17, 6, 0, tzinfo=UTC),
        "window_start": START, "window_end": START + timedelta(days=45), "exchanges": 4_163_210,
        "accounts": 11_204, "rejects": {"timestamp without a zone": 1_204, "negative tokens": 3}, "fdr": 0.01,
        "seed": 0, "files": [{"path": f"exchanges/part-{i:02}.parquet", "sha256": f"{i:064x}"} for i in range(12)],
    }  # fmt: skip


def _campaign(rows: dict[str, list[dict[str, Any]]], i: int, rng: np.random.Generator) -> None:
    name, accounts, length = f"c-{i:04x}d1b7", (1_000, 3_000)[i % 2], (45, 2)[i % 2]
    exchanges = (1_150_000, 12_100)[i % 2]
    first = START + timedelta(days=(0, 30)[i % 2], hours=5)
    rows["campaigns"].append({
        "campaign_id": name, "verdict": "distillation", "p_value": 1e-7, "q_value": (3.1e-6, 0.0041)[i % 2],
        "accounts": accounts, "exchanges": exchanges, "input_tokens": exchanges * 412,
        "output_tokens": exchanges * 1_930, "first_seen": first, "last_seen": first + timedelta(days=length - 1, hours=11),
        "capabilities": [{"capability": c, "share": s} for c, s in (("agentic_reasoning", 0.41), ("software_engineering", 0.29), ("chain_of_thought", 0.17), ("ordinary", 0.09), ("grading", 0.04))],
        "models": ["model-large-2", "model-large-3"],
        "summary": "One fixed instruction stands in every request, and a common queue of tasks is split between the accounts without overlap. Work moves to other accounts within hours of a ban.",
    })  # fmt: skip
    for d in range(length):
        ramp = min(1.0, 0.15 + d / 12) if length > 5 else 1.0
        rows["timeline"].append(
            {
                "campaign_id": name,
                "day": (first + timedelta(days=d)).date(),
                "exchanges": int(exchanges / length * ramp * rng.uniform(0.85, 1.15)),
            }
        )
    _evidence(rows, name, rng)
    _members_and_ties(rows, name, accounts, exchanges, rng)
    for k, text in enumerate((
        "You are the teacher. Articulate the reasoning behind this answer, step by step, then give the final answer in JSON.\n\nTask 1182: the service in repo A fails its integration test when the clock crosses midnight UTC. Plan the fix, name the files, and write the patch.",
        "Grade the two answers against the rubric below. Output a score from 1 to 10 for each criterion and the reasoning for it.\n\nRubric: correctness, completeness, tool use.", *HOSTILE)):  # fmt: skip
        rows["excerpts"].append(
            {
                "campaign_id": name,
                "account_id": f"acct_{k:05}",
                "ts": first + timedelta(minutes=7 * k),
                "model": "model-large-3",
                "text": text,
            }
        )
    rows["unmeasured"] += [
        {
            "campaign_id": name,
            "detector": "device",
            "why": "tls_fingerprint is null in 100% of these exchanges",
        },
        {
            "campaign_id": name,
            "detector": "failover after a ban",
            "why": "the log has no enforcement table",
        },
    ]


def _evidence(rows: dict[str, list[dict[str, Any]]], name: str, rng: np.random.Generator) -> None:
    links = (("money", 6.2), ("network", 4.4), ("wording", 14.8))
    for family, bits in links:
        rows["evidence"].append(
            {
                "campaign_id": name,
                "detector": f"links: {family}",
                "element": "coordination",
                "statistic": "median bits of a link",
                "value": bits,
                "weight_bits": bits,
                "detail": "held out: linked on even days, tested on odd days",
            }
        )
    for detector, element, statistic, null, centre, spread, value, p, bits in _TESTS:
        rows["evidence"].append(
            {
                "campaign_id": name,
                "detector": detector,
                "element": element,
                "statistic": statistic,
                "value": value,
                "null_description": null,
                "p_value": p,
                "weight_bits": bits,
                "detail": "1,000 accounts pooled",
            }
        )
        rows["nulls"].append(
            {
                "campaign_id": name,
                "detector": detector,
                "value": value,
                "draws": rng.normal(centre, spread, 999).tolist(),
            }
        )
    for element, p in (("coordination", 3e-7), ("deception", 0.0011), ("harvest", 0.0008)):
        rows["evidence"].append(
            {
                "campaign_id": name,
                "detector": f"element: {element}",
                "element": element,
                "statistic": "combined p",
                "value": p,
                "p_value": p,
                "null_description": "Cauchy combination of the element's tests",
            }
        )


def _members_and_ties(
    rows: dict[str, list[dict[str, Any]]],
    name: str,
    accounts: int,
    exchanges: int,
    rng: np.random.Generator,
) -> None:
    weights = rng.lognormal(0, 0.6, accounts)
    each = np.maximum(1, (weights / weights.sum() * exchanges)).astype(int)
    linked = rng.choice(
        ["wording", "money", "network", "registration"], accounts, p=[0.62, 0.2, 0.1, 0.08]
    )
    for k in range(accounts):
        who = HOSTILE[k] if k < len(HOSTILE) else f"acct_{k:05}"
        rows["members"].append(
            {
                "campaign_id": name,
                "account_id": who,
                "probability": float(round(1 - 0.3 * k / accounts, 4)),
                "exchanges": int(each[k]),
                "first_linked_by": str(linked[k]),
            }
        )
    for k in range(420):
        group = int(rng.integers(0, 6))
        a, b = sorted(int(x) for x in rng.choice(26, 2, replace=False) + 26 * group)
        if k % 9 == 0:
            b = (b + 26) % 156
        family = FAMILIES[(group * 5 + (k % 4 == 0)) % len(FAMILIES)]
        names = [HOSTILE[x] if x < len(HOSTILE) else f"acct_{x:05}" for x in (a, b)]
        bits = float(round(rng.uniform(6, 24), 2))
        rows["ties"].append(
            {
                "campaign_id": name,
                "account_a": names[0],
                "account_b": names[1],
                "bits": bits,
                **dict.fromkeys(FAMILIES, 0.0),
                family: bits,
            }
        )


def _cluster(rows: dict[str, list[dict[str, Any]]], i: int) -> None:
    verdict, accounts, exchanges, *ps, summary = _HONEST[i % len(_HONEST)]
    name = f"h-{i:04x}"
    rows["campaigns"].append(
        {
            "campaign_id": name,
            "verdict": verdict,
            "p_value": 0.2,
            "q_value": 0.4,
            "accounts": accounts,
            "exchanges": exchanges - i,
            "input_tokens": exchanges * 900,
            "output_tokens": exchanges * 300,
            "first_seen": START,
            "last_seen": START + timedelta(days=44),
            "capabilities": [{"capability": "ordinary", "share": 0.8}],
            "models": ["model-small-1"],
            "summary": summary,
        }
    )
    for element, p in zip(tables.ELEMENTS, ps, strict=True):
        rows["evidence"].append(
            {
                "campaign_id": name,
                "detector": f"element: {element}",
                "element": element,
                "statistic": "combined p",
                "value": p,
                "p_value": p,
            }
        )
    rows["timeline"].append(
        {"campaign_id": name, "day": START.date(), "exchanges": exchanges // 45}
    )
