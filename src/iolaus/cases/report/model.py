"""What the report is given, and how its rows are picked: bounded before anything is drawn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

ELEMENT_ROW: Final = "element: "  # detector of the rows that carry an element's combined p-value
CELL_CHARS: Final = 4_096  # no cell of a table is read further than this
Row = dict[str, Any]


@dataclass(frozen=True)
class ReportInput:
    """Tables of one run; schemas in iolaus.core.tables under the same names in capitals.

    `run` may hold: version, log, started_at, window_start, window_end, exchanges, accounts,
    rejects ({cause: rows}), fdr (0 to 1), seed, files (list of {path, sha256}). Each may be absent.
    """

    campaigns: pa.Table
    members: pa.Table
    evidence: pa.Table
    timeline: pa.Table
    ties: pa.Table
    nulls: pa.Table
    excerpts: pa.Table
    unmeasured: pa.Table
    run: Mapping[str, Any]


def of_campaign(table: pa.Table, campaign_id: str | None) -> pa.Table:
    """Rows of one campaign; with None, the rows that belong to the whole run."""
    column = table.column("campaign_id")
    keep = pc.is_null(column) if campaign_id is None else pc.equal(column, campaign_id)
    return table.filter(keep)


def of_campaigns(table: pa.Table, ids: Sequence[str]) -> pa.Table:
    """Rows of several campaigns."""
    return table.filter(pc.is_in(table.column("campaign_id"), value_set=pa.array(ids, pa.string())))


def ordered(table: pa.Table, *keys: tuple[str, str]) -> pa.Table:
    """Sorted by (column, ascending or descending), nulls last; equal rows keep their order."""
    return table.take(pc.sort_indices(table, sort_keys=list(keys)))


def rows(table: pa.Table, limit: int) -> list[Row]:
    """At most `limit` rows as dictionaries, strings cut to CELL_CHARS, timestamps in UTC."""
    found: list[Row] = cut_text(table.slice(0, limit)).to_pylist()
    return found


def cut_text(table: pa.Table) -> pa.Table:
    """`table` with its string columns cut to CELL_CHARS characters, in Arrow: 10 MB stay there."""
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            short = pc.utf8_slice_codeunits(table.column(i), 0, CELL_CHARS)
            table = table.set_column(i, field.name, short)
    return table


def total(found: Sequence[Row], column: str) -> int | None:
    """Sum over rows; null when no row has it."""
    values = [row[column] for row in found if row[column] is not None]
    return sum(values) if values else None


def grouped(found: Sequence[Row], column: str) -> Iterator[tuple[Any, list[Row]]]:
    """Rows by the value of a column, in order of first appearance."""
    groups: dict[Any, list[Row]] = {}
    for row in found:
        groups.setdefault(row[column], []).append(row)
    yield from groups.items()
