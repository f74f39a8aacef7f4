"""memory: a campaign that was raised once stays known, under one id.

1. A group is the known campaign of which it holds half (of the smaller of the two).
2. A group without any of the known members (all banned, all new) is the known campaign whose marks
   decide about half of its members each.
3. Two known campaigns that turn out to be one keep the older id; the other becomes an alias.
4. What is raised as distillation is remembered: members are added, marks weighed anew.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from iolaus.campaigns.investigate import Investigation
from iolaus.campaigns.judge import Judged
from iolaus.campaigns.known import (
    FOUND,
    LACK,
    LEAST_COMMON,
    MARKS,
    SAME,
    Known,
    known,
)
from iolaus.campaigns.marks import ADDRESS_DAYS, DECLARED, SHOWN, SOFTWARE, instants, marks
from iolaus.campaigns.recognise import NEEDED
from iolaus.campaigns.results import campaign_id
from iolaus.campaigns.scene import Scene

RAISED = "distillation"

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Named:
    """Which known campaign each group is.

    `ids` runs along the investigation's groups; `merged`: alias to the id that stays.
    """

    ids: list[str]
    merged: dict[str, str]
    kept: dict[str, str]  # from the id that `results` gives a group to the id above


def named(found: Investigation, before: Known) -> Named:
    """The id of each group: that of a known campaign, or else the one of `results`."""
    judged, scene = found.judged, found.scene
    old = before.campaigns["campaign_id"].to_pylist()
    common = _common(judged, scene, before)
    present = _present(scene, before)
    here = np.asarray([present[name] for name in old], dtype=np.int64)
    ids: list[str | None] = [None] * len(judged)
    merged: dict[str, str] = {}
    order = sorted(
        range(len(judged)), key=lambda i: (judged[i].verdict != RAISED, -common[i].max(initial=0))
    )
    for i in order:
        size = judged[i].candidate.members.size
        least = np.minimum(size, here) if judged[i].verdict == RAISED else np.maximum(size, here)
        same = np.flatnonzero((common[i] >= SAME * least) & (common[i] >= LEAST_COMMON))
        free = [old[j] for j in same if old[j] not in ids and old[j] not in merged]
        if free:
            ids[i] = free[0]  # the oldest: known campaigns stand in that order
            merged |= dict.fromkeys(free[1:], free[0])
    for i, name in _by_marks(found, before, ids, merged).items():
        ids[i] = name
    taken = {name for name in ids if name} | set(old)
    taken |= {alias for aliases in before.campaigns["aliases"].to_pylist() for alias in aliases}
    born = [campaign_id(one, scene) for one in judged]
    final = [name or _new_id(own, taken) for name, own in zip(ids, born, strict=True)]
    return Named(final, merged, dict(zip(born, final, strict=True)))


def remember(found: Investigation, before: Known) -> Known:
    """What is known after this look: what was known, and what was raised now."""
    names = named(found, before)
    raised = {
        name: one.candidate.members
        for name, one in zip(names.ids, found.judged, strict=True)
        if one.verdict == RAISED
    }
    renamed = [_rename(table, names.merged) for table in (before.members, before.marks)]
    scene = found.scene
    members = {str(row["account_id"]): row for row in renamed[0].to_pylist()}
    for name, keys in raised.items():
        for account in scene.seen.claims["account_id"][keys]:
            members[account] = {"campaign_id": name, "account_id": account, "by": FOUND}
    return known(
        _campaigns(raised, names, before, scene),
        list(members.values()),
        _marks(raised, renamed[1], scene),
    )


def add_recognised(before: Known, recognised: pa.Table) -> Known:
    """Recognised accounts are members from then on."""
    rows = [
        {"campaign_id": row["campaign_id"], "account_id": row["account_id"], "by": row["by"][0]}
        for row in recognised.select(["campaign_id", "account_id", "by"]).to_pylist()
    ]
    return known(before.campaigns.to_pylist(), before.members.to_pylist() + rows, before.marks)


def _new_id(born: str, taken: set[str]) -> str:
    """A group that is another one than the known campaign of its oldest member's name."""
    name, number = born, 2
    while name in taken:
        name, number = f"{born}-{number}", number + 1
    taken.add(name)
    return name


def _present(scene: Scene, before: Known) -> dict[str, int]:
    """Known members that stand in this log, by campaign."""
    ids = pa.array(scene.seen.claims["account_id"].tolist(), pa.string())
    here = before.members.filter(pc.is_in(before.members["account_id"], ids))
    counts = dict.fromkeys(before.campaigns["campaign_id"].to_pylist(), 0)
    for row in here["campaign_id"].value_counts().to_pylist():
        counts[row["values"]] = row["counts"]
    return counts


def _common(judged: list[Judged], scene: Scene, before: Known) -> Ints:
    """Groups x known campaigns: how many members they have in common."""
    common = np.zeros((len(judged), len(before)), dtype=np.int64)
    if not len(before):
        return common
    of = before.numbers(scene.seen.claims["account_id"])
    for row, one in zip(common, judged, strict=True):
        mine = of[one.candidate.members]
        row += np.bincount(mine[mine >= 0], minlength=len(before))
    return common


def _by_marks(
    found: Investigation, before: Known, ids: list[str | None], merged: dict[str, str]
) -> dict[int, str]:
    """Raised groups without an id, by the known campaign whose marks half of each carries."""
    asked = [i for i, one in enumerate(found.judged) if ids[i] is None and one.verdict == RAISED]
    if not asked or len(before) == 0:
        return {}
    scene = found.scene
    groups = {str(i): found.judged[i].candidate.members for i in asked}
    scene.engine.register("asked_groups", _grouped(groups))
    scene.engine.register("known_campaigns", before.campaigns)
    scene.engine.register("known_marks", before.marks)
    rows = scene.engine.fetch(
        f"""
        WITH shown AS ({SHOWN}),
        carried AS (
            SELECT asked_groups.campaign_id AS grp, account, known_marks.campaign_id AS old,
                   known_marks.family, max(bits) AS bits
            FROM shown JOIN asked_groups USING (account) JOIN known_marks USING (kind, value)
            WHERE known_marks.family <> '{SOFTWARE}'
              AND (kind NOT IN ('ip', 'network') OR day <= last_day + {ADDRESS_DAYS})
            GROUP BY ALL
        ),
        lacks AS (SELECT campaign_id, sum(bits) AS bits FROM known_marks WHERE kind = '{LACK}'
                  AND family <> '{DECLARED}' GROUP BY campaign_id),
        weighed AS (  -- every family that is not carried lacks
            SELECT grp, account, old,
                   sum(carried.bits - coalesce(lack.bits, 0)) AS more
            FROM carried LEFT JOIN (SELECT * FROM known_marks WHERE kind = '{LACK}') AS lack
                ON lack.campaign_id = old AND lack.family = carried.family
            GROUP BY ALL
        )
        SELECT grp, old, count(*) AS accounts
        FROM weighed JOIN known_campaigns ON known_campaigns.campaign_id = old
        LEFT JOIN lacks ON lacks.campaign_id = old
        WHERE more + coalesce(lacks.bits, 0) >= {NEEDED}
        GROUP BY ALL ORDER BY accounts DESC, grp, old
        """,
        instants(scene.until),
    ).to_pylist()
    result: dict[int, str] = {}
    for row in rows:
        group, old = int(row["grp"]), row["old"]
        used = old in ids or old in merged or old in result.values()
        enough = row["accounts"] >= SAME * groups[row["grp"]].size
        if enough and not used and group not in result:
            result[group] = old
    return result


def _rename(table: pa.Table, merged: dict[str, str]) -> pa.Table:
    names = [merged.get(name, name) for name in table["campaign_id"].to_pylist()]
    return table.set_column(0, table.schema.field(0), pa.array(names, pa.string()))


def _grouped(groups: dict[str, Ints]) -> pa.Table:
    """campaign_id, account."""
    names = [name for name, keys in groups.items() for _ in range(keys.size)]
    keys = np.concatenate([*groups.values(), np.empty(0, dtype=np.int64)])
    return pa.table(
        {"campaign_id": pa.array(names, pa.string()), "account": pa.array(keys, pa.int32())}
    )


def _campaigns(
    raised: dict[str, Ints], names: Named, before: Known, scene: Scene
) -> list[dict[str, object]]:
    rows = {str(row["campaign_id"]): row for row in before.campaigns.to_pylist()}
    for alias, stays in names.merged.items():
        gone = rows.pop(alias)
        rows[stays]["aliases"] = [*rows[stays]["aliases"], alias, *gone["aliases"]]
    until = scene.until
    at = datetime(until.year, until.month, until.day, tzinfo=UTC)
    for name, keys in raised.items():
        row = rows.setdefault(name, {"campaign_id": name, "first_named": at, "aliases": []})
        row["prior"] = keys.size / (scene.seen.accounts + 1)
    return list(rows.values())


def _marks(raised: dict[str, Ints], old: pa.Table, scene: Scene) -> pa.Table:
    """Marks of the campaigns raised now, weighed anew; those of the others as they were."""
    again = pc.is_in(old["campaign_id"], pa.array(list(raised), pa.string()))
    kept = old.filter(pc.invert(again))
    if not raised:
        return kept
    fresh = marks(scene.engine, _grouped(raised), scene.until, _once(old.filter(again)))
    return pa.concat_tables([kept, fresh.select(MARKS.names).cast(MARKS)])


def _once(table: pa.Table) -> pa.Table:
    """Two campaigns that became one may both bring a mark: the larger bits stay."""
    rows: dict[tuple[str, str, int], dict[str, object]] = {}
    for row in table.filter(pc.not_equal(table["kind"], LACK)).to_pylist():
        key = (row["campaign_id"], row["kind"], row["value"])
        if key not in rows or row["bits"] > rows[key]["bits"]:
            rows[key] = row
    return pa.Table.from_pylist(list(rows.values()), schema=MARKS)
