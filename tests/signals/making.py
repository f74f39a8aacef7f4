"""Features by hand: rows that name what matters, everything else null."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from iolaus import signals
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, FEATURES, RELEASES
from iolaus.engine import DuckEngine

START = datetime(2026, 5, 4, tzinfo=UTC)


def at(day: float) -> datetime:
    """Days since START."""
    return START + timedelta(days=day)


def rows_table(rows: Sequence[dict], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in rows], schema)


def prepare(
    engine: DuckEngine,
    exchanges: Sequence[dict],
    claimed: Sequence[dict] = (),
    releases: Sequence[dict] = (),
    enforcement: Sequence[dict] = (),
) -> None:
    """Make every table that tokens need, from exchanges with at least ts and account_id."""
    numbered = [
        {"exchange_hash": i, "model": "m", "source_file": 0, "source_row": i} | row
        for i, row in enumerate(exchanges)
    ]
    engine.keep("features", rows_table(numbered, FEATURES))
    engine.keep("releases", rows_table(releases, RELEASES))
    engine.keep("enforcement", rows_table(enforcement, ENFORCEMENT))
    signals.accounts(engine, rows_table(claimed, ACCOUNTS) if claimed else None)
    signals.daily(engine)
    signals.token_days(engine)


def held(engine: DuckEngine, table: str, kind: str) -> list[set[str]]:
    """The sets of account ids that hold one token of the kind in common, smallest id first."""
    rows = engine.fetch(
        f"SELECT value, list(DISTINCT account_id ORDER BY account_id) AS holders "
        f"FROM {table} JOIN accounts USING (account) WHERE kind = $kind GROUP BY value",
        {"kind": kind},
    )
    return sorted((set(holders) for holders in rows["holders"].to_pylist()), key=sorted)
