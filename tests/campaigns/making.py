"""Small scenes by hand: token tables, behaviour and the daily tables that tests on groups read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from iolaus.campaigns.behaviour import CLAIMS, Behaviour, Operators
from iolaus.campaigns.content import Content
from iolaus.campaigns.links import Forecast, Links
from iolaus.campaigns.nulls import CoherentGroups, strata
from iolaus.campaigns.scene import Scene
from iolaus.campaigns.token_matrix import token_matrix
from iolaus.core.tables import CAPABILITIES, ENFORCEMENT, FAMILIES, RELEASES, TS
from iolaus.engine import DuckEngine
from iolaus.signals.profiles import COUNTS, SUMS

START = datetime(2026, 5, 4, tzinfo=UTC)  # a Monday
DAYS = 14
UNTIL = (START + timedelta(days=DAYS)).date()
BEATS_A_DAY = 144

Holdings = Mapping[tuple[str, str, int], Sequence[int]]


def tokens(engine: DuckEngine, holdings: Holdings, name: str = "tokens"):
    """A `tokens` table from (family, kind, value) -> accounts."""
    rows = [
        {
            "account": int(account),
            "family": family,
            "kind": kind,
            "value": value,
            "exchanges": 1,
            "holders": len(accounts),
        }
        for (family, kind, value), accounts in sorted(holdings.items(), key=lambda h: h[0][1:])
        if len(accounts) > 1
        for account in sorted(accounts)
    ]
    schema = pa.schema(
        [
            ("account", pa.int32()),
            ("family", pa.string()),
            ("kind", pa.string()),
            ("value", pa.int64()),
            ("exchanges", pa.int64()),
            ("holders", pa.int32()),
        ]
    )
    return engine.keep(name, pa.Table.from_pylist(rows, schema=schema))


def behaviour(accounts: int, **given) -> Behaviour:
    """Accounts that did 100 exchanges each, alike in everything that is not given.

    given: a field of Behaviour; a name of a count; a name of a claim.
    """
    counts = {name: np.zeros(accounts) for name in (*COUNTS, *SUMS, "conversations")}
    counts |= {
        name: np.full(accounts, 100.0)
        for name in ("exchanges", "has_prompt", "distinct_prompts", "tokens_known")
    }
    counts |= {name: np.full(accounts, 20_000.0) for name in ("input_tokens", "output_tokens")}
    counts["networks"] = np.full(accounts, float(DAYS))
    claims = {name: np.full(accounts, None, dtype=object) for name in CLAIMS}
    claims["account_id"] = np.asarray([f"a{i:04d}" for i in range(accounts)], dtype=object)
    capabilities = np.zeros((accounts, len(CAPABILITIES)))
    capabilities[:, CAPABILITIES.index("ordinary")] = 100.0
    fields = {
        "hours": np.full((accounts, 24), 100 / 24),
        "capabilities": capabilities,
        "beats": sp.csr_array((accounts, DAYS * BEATS_A_DAY), dtype=np.float32),
        "days": np.full(accounts, float(DAYS)),
        "created_day": np.full(accounts, 20_000.0),
        "operators": at_home(accounts),
        "mixed_addresses": np.zeros(accounts),
        "cards": np.ones(accounts, dtype=bool),
        "devices": np.ones(accounts, dtype=bool),
    }
    for name, value in given.items():
        place = next(part for part in (counts, claims, fields) if name in part)
        place[name] = value
    return Behaviour(counts=counts, claims=claims, **fields)


def countries(rows: Sequence[tuple[int, int, float, float]]) -> Operators:
    """From (account, operator, exchanges, abroad)."""
    account, operator, exchanges, abroad = np.asarray(rows, dtype=np.float64).reshape(-1, 4).T
    return Operators(account.astype(np.int64), operator.astype(np.int64), exchanges, abroad)


def at_home(accounts: int) -> Operators:
    """Everybody is seen where he claims to be, on one operator's network."""
    zeros = np.zeros(accounts)
    return Operators(np.arange(accounts), zeros.astype(np.int64), zeros + 100.0, zeros)


def groups(members: Sequence[Sequence[int]], accounts: int) -> CoherentGroups:
    held = np.zeros((len(members), accounts), dtype=np.float32)
    for row, of_group in enumerate(members):
        held[row, list(of_group)] = 1
    return CoherentGroups(sp.csr_array(held))


def no_content(accounts: int) -> Content:
    """Nobody's prompts were read."""
    nothing = np.full((accounts, 128), np.nan, dtype=np.float32)
    return Content(nothing, np.zeros(accounts, dtype=np.int64))


def no_links() -> Links:
    empty = np.empty(0, dtype=np.int64)
    return Links(empty, empty, np.empty((0, len(FAMILIES))), np.empty(0), 10.0)


def scene(
    engine: DuckEngine,
    seen: Behaviour,
    *,
    coherent: CoherentGroups | None = None,
    holdings: Holdings | None = None,
    links: Links | None = None,
    even_links: Links | None = None,
    odd_holdings: Holdings | None = None,
    limits: Mapping[str, int] | None = None,
    content: Content | None = None,
    until: date = UNTIL,
    seed: int = 0,
) -> Scene:
    """A scene of these accounts; by default without tokens, links or coherent groups."""
    table = tokens(engine, holdings or {})
    odd = tokens(engine, odd_holdings or {}, "tokens_odd")
    return Scene(
        engine=engine,
        until=until,
        seen=seen,
        tokens=token_matrix(table, seen.accounts),
        content=content or no_content(seen.accounts),
        links=links or no_links(),
        even_links=even_links or no_links(),
        odd_tokens=token_matrix(odd, seen.accounts),
        plan=Forecast({}, dict(limits or {})),
        strata=strata(seen),
        groups=coherent or groups([], seen.accounts),
        known=np.full(seen.accounts, -1),
        seed=seed,
    )


def moment(day: float) -> datetime:
    """Days since START as a time."""
    return START + timedelta(days=day)


def keep_rows(engine: DuckEngine, name: str, schema: pa.Schema, rows: Sequence[tuple]) -> None:
    engine.keep(
        name, pa.table(list(zip(*rows, strict=True)) or [[] for _ in schema], schema=schema)
    )


def keep_uses(engine: DuckEngine, rows: Sequence[tuple[int, str, float]]) -> None:
    """model_uses from (account, model, day with its fraction)."""
    schema = pa.schema(
        [
            ("account", pa.int32()),
            ("model", pa.string()),
            ("day", pa.date32()),
            ("first_at", TS),
            ("exchanges", pa.int64()),
        ]
    )
    keep_rows(
        engine, "model_uses", schema, [(a, m, moment(t).date(), moment(t), 1) for a, m, t in rows]
    )


def keep_releases(engine: DuckEngine, rows: Sequence[tuple[str, float]]) -> None:
    keep_rows(engine, "releases", RELEASES, [(model, moment(day)) for model, day in rows])


def keep_bans(engine: DuckEngine, seen: Behaviour, rows: Sequence[tuple[int, float]]) -> None:
    """enforcement and the accounts table that it is joined to."""
    ids = seen.claims["account_id"].tolist()
    engine.keep("accounts", pa.table({"account": range(len(ids)), "account_id": ids}))
    keep_rows(engine, "enforcement", ENFORCEMENT, [(ids[a], moment(day), "ban") for a, day in rows])


def keep_prompts(engine: DuckEngine, rows: Sequence[tuple[int, int, float]]) -> None:
    """shared_prompts from (prompt, account, day with its fraction)."""
    schema = pa.schema(
        [
            ("prompt_hash", pa.int64()),
            ("account", pa.int32()),
            ("day", pa.date32()),
            ("first_at", TS),
            ("failed", pa.int64()),
            ("exchanges", pa.int64()),
        ]
    )
    keep_rows(
        engine,
        "shared_prompts",
        schema,
        [(p, a, moment(t).date(), moment(t), 0, 1) for p, a, t in rows],
    )
