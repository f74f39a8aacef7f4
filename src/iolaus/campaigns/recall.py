"""recall: results under the names and with the accounts that are known from before."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from iolaus.campaigns.known import Known
from iolaus.campaigns.memory import RAISED, Named
from iolaus.campaigns.results import Results
from iolaus.core.tables import CAMPAIGNS, EVIDENCE, MEMBERS
from iolaus.engine import Engine

MARKS_TEST = "known marks"  # the detector that evidence.parquet names
ADDED = ("exchanges", "input_tokens", "output_tokens")


def recall(result: Results, names: Named, before: Known) -> Results:
    """The same groups under the ids that they keep. A group that is a known campaign stays
    distillation, and its summary says what this log alone shows."""
    since = _since(before)
    rows = with_kept_ids(result.campaigns, names).to_pylist()
    for row in rows:
        if row["campaign_id"] in since and row["verdict"] != RAISED:
            row["summary"] += (
                f" Known as distillation since {since[row['campaign_id']]}; "
                f"this log alone says {str(row['verdict']).replace('_', ' ')}."
            )
            row["verdict"] = RAISED
    rows.sort(key=lambda row: row["verdict"] != RAISED)
    return Results(
        pa.Table.from_pylist(rows, schema=CAMPAIGNS),
        with_kept_ids(result.members, names),
        with_kept_ids(result.evidence, names),
    )


def with_kept_ids(table: pa.Table, names: Named) -> pa.Table:
    """A table whose column campaign_id says the kept id wherever there is one."""
    place = table.schema.get_field_index("campaign_id")
    ids = [names.kept.get(name, name) for name in table["campaign_id"].to_pylist()]
    return table.set_column(place, table.schema.field(place), pa.array(ids, pa.string()))


def with_recognised(
    result: Results, recognised: pa.Table, before: Known, engine: Engine, until: date
) -> Results:
    """Add the recognised accounts that no campaign found here holds to their known campaigns.
    What they have in common with other groups, a wording say, stays listed there.

    recognised: RECOGNISED. A known campaign without a group of its own gets a row; its p-value and
    q-value are null, as this log did not test it. In: accounts, account_days, profiles, model_uses.
    """
    verdicts = (result.campaigns[name].to_pylist() for name in ("campaign_id", "verdict"))
    raised = {name for name, verdict in zip(*verdicts, strict=True) if verdict == RAISED}
    held = {
        row["account_id"]
        for row in result.members.select(["account_id", "campaign_id"]).to_pylist()
        if row["campaign_id"] in raised
    }
    free = [row for row in recognised.to_pylist() if row["account_id"] not in held]
    if not free:
        return result
    since = _since(before)
    done = _done(engine, free, until)
    priors = dict(
        zip(*(before.campaigns[c].to_pylist() for c in ("campaign_id", "prior")), strict=True)
    )
    campaigns = {row["campaign_id"]: row for row in result.campaigns.to_pylist()}
    for name in sorted({row["campaign_id"] for row in free}):
        mine = [row for row in free if row["campaign_id"] == name]
        campaigns[name] = _grown(campaigns.get(name), name, mine, done, since[name])
    members = [
        {
            "campaign_id": row["campaign_id"],
            "account_id": row["account_id"],
            "probability": _posterior(row["bits"], priors[row["campaign_id"]]),
            "exchanges": done[row["account_id"]]["exchanges"],
            "first_linked_by": row["by"][0],
        }
        for row in sorted(free, key=lambda row: (row["campaign_id"], row["account_id"]))
    ]
    rows = sorted(campaigns.values(), key=lambda row: row["verdict"] != RAISED)
    return Results(
        pa.Table.from_pylist(rows, schema=CAMPAIGNS),
        pa.concat_tables([result.members, pa.Table.from_pylist(members, schema=MEMBERS)]),
        pa.concat_tables([result.evidence, _evidence(free)]),
    )


def _since(before: Known) -> dict[str, date]:
    columns = (before.campaigns[name].to_pylist() for name in ("campaign_id", "first_named"))
    return {name: at.date() for name, at in zip(*columns, strict=True)}


def _posterior(bits: float, prior: float) -> float:
    return 1.0 / (1.0 + math.pow(2.0, -bits) * (1.0 - prior) / prior)


def _done(engine: Engine, free: list[dict[str, Any]], until: date) -> dict[str, dict[str, Any]]:
    """What each recognised account did before `until`."""
    engine.register("recognised_ids", pa.table({"account_id": [row["account_id"] for row in free]}))
    rows = engine.fetch(
        """
        WITH mine AS (SELECT account, account_id FROM accounts SEMI JOIN recognised_ids
                      USING (account_id)),
        sums AS (
            SELECT account, sum(exchanges)::BIGINT AS exchanges,
                   CASE WHEN sum(tokens_known) > 0 THEN sum(input_tokens)::BIGINT END
                       AS input_tokens,
                   CASE WHEN sum(tokens_known) > 0 THEN sum(output_tokens)::BIGINT END
                       AS output_tokens
            FROM profiles SEMI JOIN mine USING (account) WHERE day < $until GROUP BY account
        ),
        used AS (
            SELECT account, list_sort(list(DISTINCT model)) AS models
            FROM model_uses SEMI JOIN mine USING (account) WHERE day < $until GROUP BY account
        ),
        seen AS (
            SELECT account_id, min(first_at) AS first_seen, max(last_at) AS last_seen
            FROM account_days SEMI JOIN mine USING (account_id) WHERE day < $until
            GROUP BY account_id
        )
        SELECT * FROM mine JOIN sums USING (account) JOIN used USING (account)
        JOIN seen USING (account_id)
        """,
        {"until": until},
    )
    return {row["account_id"]: row for row in rows.to_pylist()}


def _grown(
    row: dict[str, Any] | None,
    name: str,
    mine: list[dict[str, Any]],
    done: Mapping[str, dict[str, Any]],
    since: date,
) -> dict[str, Any]:
    """A campaign's row with the recognised accounts counted in."""
    parts = [done[one["account_id"]] for one in mine]
    says = f"{len(mine):,} accounts carry the marks of this campaign, known since {since}"
    if row is None:
        row = {"campaign_id": name, "verdict": RAISED, "accounts": 0, "models": []}
        row |= {
            "capabilities": [],
            "summary": f"{says}; no campaign of them was found in this log.",
        }
    else:
        row = {**row, "summary": f"{row['summary']} {says}, and were not found with this group."}
    row["accounts"] += len(mine)
    for column in ADDED:
        known = [part[column] for part in [row, *parts] if part.get(column) is not None]
        row[column] = sum(known) if known else None
    times = [part["first_seen"] for part in [row, *parts] if part.get("first_seen")]
    row["first_seen"] = min(times)
    row["last_seen"] = max(part["last_seen"] for part in [row, *parts] if part.get("last_seen"))
    models = {model for part in parts for model in part["models"]} - set(row["models"])
    row["models"] = [*row["models"], *sorted(models)]
    return row


def _evidence(free: list[dict[str, Any]]) -> pa.Table:
    """One row per known campaign: how many carry its marks, and in which families."""
    rows = []
    for name in sorted({row["campaign_id"] for row in free}):
        mine = [row for row in free if row["campaign_id"] == name]
        families = sorted({family for row in mine for family in row["by"]})
        rows.append(
            {
                "campaign_id": name,
                "detector": MARKS_TEST,
                "element": "coordination",
                "statistic": "accounts that carry the known campaign's marks",
                "value": float(len(mine)),
                "null_description": "strangers: fewer than 1 account in 10,000",
                "p_value": None,
                "weight_bits": min(row["bits"] for row in mine),
                "detail": f"marks of {', '.join(families)}; the weight is the weakest account's",
            }
        )
    return pa.Table.from_pylist(rows, schema=EVIDENCE)
