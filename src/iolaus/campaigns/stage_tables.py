"""links, groups and findings as tables: kept beside the other stages, and read back on resuming."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.campaigns.candidates import Candidate
from iolaus.campaigns.links import Links
from iolaus.campaigns.scene import Finding
from iolaus.core.tables import FAMILIES
from iolaus.engine import Engine

T = TypeVar("T")

GROUPS = pa.schema(
    [
        ("grp", pa.int32()),
        ("account", pa.int32()),
        ("probability", pa.float64()),
        ("first_linked_by", pa.string()),
        ("proposed_by", pa.string()),
    ]
)
FINDINGS = pa.schema(
    [
        ("grp", pa.int32()),
        ("detector", pa.string()),
        ("element", pa.string()),
        ("statistic", pa.string()),
        ("value", pa.float64()),
        ("null_description", pa.string()),
        ("p_value", pa.float64()),  # NaN: not measured
        ("detail", pa.string()),
        ("draws", pa.list_(pa.float64())),
        ("decides", pa.bool_()),
    ]
)


def resumed(
    engine: Engine,
    name: str,
    make: Callable[[], T],
    write: Callable[[T], pa.Table],
    read: Callable[[pa.Table], T],
) -> T:
    """The stage `name`, made and kept if it does not stand yet."""
    if not engine.stages.done(name):
        engine.keep(name, write(make()))
    return read(pq.read_table(engine.stages.table(name).path))


def links_table(links: Links) -> pa.Table:
    """One row per pair: a, b (account keys, a < b), bits by family; the threshold as metadata."""
    columns = {"a": pa.array(links.a, pa.int32()), "b": pa.array(links.b, pa.int32())}
    columns |= {name: pa.array(links.families[:, i]) for i, name in enumerate(FAMILIES)}
    return pa.table(columns).replace_schema_metadata({"threshold": repr(links.threshold)})


def links_from(rows: pa.Table) -> Links:
    families = np.column_stack([rows[name].to_numpy() for name in FAMILIES])
    a, b = (rows[name].to_numpy().astype(np.int64) for name in ("a", "b"))
    threshold = float(rows.schema.metadata[b"threshold"])
    return Links(a, b, families, families.sum(axis=1), threshold)


def groups_table(groups: Iterable[Candidate]) -> pa.Table:
    """One row per (group, account), groups numbered in order."""
    rows = [
        pa.table(
            {
                "grp": pa.array(np.full(group.members.size, number), pa.int32()),
                "account": pa.array(group.members, pa.int32()),
                "probability": pa.array(group.probability, pa.float64()),
                "first_linked_by": pa.array(group.first_linked_by.tolist(), pa.string()),
                "proposed_by": pa.array([group.proposed_by] * group.members.size, pa.string()),
            }
        )
        for number, group in enumerate(groups)
    ]
    return pa.concat_tables([GROUPS.empty_table(), *rows])


def groups_from(rows: pa.Table) -> list[Candidate]:
    number = rows["grp"].to_numpy()
    first_linked_by = np.asarray(rows["first_linked_by"].to_pylist(), dtype=object)
    proposed_by = rows["proposed_by"].to_pylist()
    bounds = np.searchsorted(number, np.arange(int(number.max(initial=-1)) + 2))
    account = rows["account"].to_numpy().astype(np.int64)
    probability = rows["probability"].to_numpy()
    return [
        Candidate(account[a:b], probability[a:b], first_linked_by[a:b], proposed_by[a])
        for a, b in pairwise(bounds)
    ]


def findings_table(findings: Iterable[list[Finding]]) -> pa.Table:
    """One row per (group, test). Draws go as one array: there are hundreds a row."""
    numbered = [(number, f) for number, group in enumerate(findings) for f in group]
    rows = pa.Table.from_pylist(
        [
            {
                "grp": number,
                "detector": f.detector,
                "element": f.element,
                "statistic": f.statistic,
                "value": f.value,
                "null_description": f.null,
                "p_value": f.p,
                "detail": f.detail,
                "decides": f.decides,
            }
            for number, f in numbered
        ],
        schema=pa.schema([field for field in FINDINGS if field.name != "draws"]),
    )
    offsets = np.cumsum([0, *(f.draws.size for _, f in numbered)]).astype(np.int32)
    values = np.concatenate([np.empty(0), *(f.draws for _, f in numbered)])
    draws = pa.ListArray.from_arrays(pa.array(offsets), pa.array(values, pa.float64()))
    place = FINDINGS.get_field_index("draws")
    return rows.add_column(place, FINDINGS.field(place), draws)


def findings_from(rows: pa.Table) -> list[list[Finding]]:
    groups: list[list[Finding]] = []
    lists = rows["draws"].combine_chunks()
    draws, bounds = lists.values.to_numpy(), lists.offsets.to_numpy()
    for place, row in enumerate(rows.drop_columns(["draws"]).to_pylist()):
        if row["grp"] == len(groups):
            groups.append([])
        groups[row["grp"]].append(
            Finding(
                detector=row["detector"],
                element=row["element"],
                statistic=row["statistic"],
                value=row["value"],
                null=row["null_description"],
                p=row["p_value"],
                detail=row["detail"],
                draws=draws[bounds[place] : bounds[place + 1]],
                decides=row["decides"],
            )
        )
    return groups
