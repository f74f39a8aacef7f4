"""From a family's name and a seed to a log without text, of any size.

1. honest districts and the campaign are built, and kept as columns; 2. exchanges are shared out
over accounts and days, and the campaign's queue is drawn; 3. accounts, releases, enforcement and
truth are written; 4. days are drawn and written, each from its counts alone.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iolaus.core.errors import InputError
from iolaus.core.files import write_table, write_text
from iolaus.core.store import mark_store
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, TS
from iolaus.worlds.attacks import FAMILIES, customers, volumes
from iolaus.worlds.metadata import settle
from iolaus.worlds.metadata.encode import hexed
from iolaus.worlds.metadata.folk import Folk, joined
from iolaus.worlds.metadata.moments import MOST_ACCOUNTS, Habits, Queued
from iolaus.worlds.metadata.tables import account_numbers, by_id, tables
from iolaus.worlds.metadata.volumes import plan, totals
from iolaus.worlds.metadata.write import Scene, hidden_columns, write_days
from iolaus.worlds.model import COVER, DAY
from iolaus.worlds.setting import (
    BANNED,
    FIRST_DAY,
    Progress,
    checked,
    generator,
    micros,
    operators,
    releases_of,
    releases_table,
    stage_of,
    without,
)
from iolaus.worlds.simulate import World


def simulate_metadata(
    family: str, *, seed: int, accounts: int, exchanges: int, out: Path,
    campaign_accounts: int | None = None, corpora: Path | None = None, days: int = 45,
    strength: Mapping[str, float] | None = None, progress: Progress | None = None,
    processes: int = 2,
) -> World:  # fmt: skip
    """Write OUT/log and OUT/truth as `simulate` does, with features in place of texts.

    `accounts` and `exchanges` are totals, campaign included. The same arguments give the same
    bytes, whatever `processes` (of those that build accounts, and threads that write days).
    Raises InputError and ConfigError as `simulate` does, and InputError for too many accounts.
    """
    tell: Progress = progress or _silent
    attacks = operators(family, seed, strength or {})
    members = checked(family, attacks, accounts, exchanges, out, campaign_accounts, days)
    if accounts > MOST_ACCOUNTS:
        raise InputError(
            f"{accounts:,} accounts are too many.", next_step=f"{MOST_ACCOUNTS:,} at most."
        )
    releases = releases_of(stage_of(seed, days, None), generator(seed, "releases"))
    count = accounts - members - customers(attacks, members)
    folk = settle.honest(seed, days, corpora, FAMILIES[family].honest, count, processes, tell)
    operations: settle.Operations = []
    if members:
        guilty, operations = settle.campaign(seed, days, corpora, attacks, members, folk.exits)
        folk = joined([folk, guilty])
    tell("schedule", 0, 2)
    queued = Queued.of(settle.schedules([(c, slot + count) for c, slot in operations], seed))
    tell("schedule", 1, 2)
    span = days * float(DAY)
    scheduled = np.array([name is not None for name in folk.campaign])
    total = totals(folk, scheduled, exchanges - sum(volumes(attacks, members)), span)
    counts = plan(folk, total, span, seed)
    numbers = account_numbers(len(folk.start), seed)
    slots = by_id(numbers)
    looked_up, dictionaries = tables(folk, releases, attacks, slots)
    tell("schedule", 2, 2)
    hidden = hidden_columns(FAMILIES[family].hidden)
    write_table(releases_table(releases), out / "log" / "releases.parquet")
    ids = hexed("acct_", numbers)
    _write_accounts(out, folk, ids, hidden, seed, span)
    sent = _write_sent(out, ids, queued)
    habits = Habits.of(folk, np.argsort(slots).astype(np.int32))
    scene = Scene(looked_up, dictionaries, habits, counts, queued, span, seed, hidden)
    rows = write_days(scene, out / "log" / "exchanges", processes, tell)
    facts = {
        "family": family, "seed": seed, "days": days, "metadata_only": True,
        "attacks": [asdict(a) for a in attacks] if members else [],
        "strength": dict(strength or {}), "accounts": dict(Counter(folk.population)),
        "exchanges": rows, "campaign_exchanges": sent,
    }  # fmt: skip
    write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", out / "truth" / "world.json")
    mark_store(out / "log")  # last: now all its files stand
    return World(out / "log", out / "truth", len(folk.start), members, rows, sent)


def _silent(step: str, done: int, total: int) -> None:
    pass


def _write_accounts(
    out: Path, folk: Folk, ids: pa.Array, hidden: tuple[str, ...], seed: int, span: float
) -> None:
    """The accounts table, what the provider did, and who is who; by account id."""
    order = pc.array_sort_indices(ids)
    table = folk.rows.add_column(0, "account_id", ids).combine_chunks().take(order)
    table = without(table.select(ACCOUNTS.names).cast(ACCOUNTS), hidden)
    write_table(table, out / "log" / "accounts.parquet")
    truth = {
        "account_id": ids,
        "population": folk.population,
        "campaign_id": pa.array(folk.campaign, pa.string()),
        "country": folk.country,
    }
    write_table(pa.table(truth).take(order), out / "truth" / "accounts.parquet")
    rng = generator(seed, "enforcement")
    acted = np.flatnonzero((rng.random(len(ids)) < BANNED) & np.isnan(folk.banned))
    at = rng.uniform(np.maximum(0.0, folk.start[acted]), span)
    actions = rng.choice(("ban", "throttle", "step_up"), acted.size, p=(0.5, 0.3, 0.2))
    banned = np.flatnonzero(~np.isnan(folk.banned))
    who = np.concatenate([banned, acted])
    when = np.floor(np.concatenate([folk.banned[banned], at])).astype(np.int64) * 1_000_000
    acts = pa.table(
        [ids.take(pa.array(who)), pa.array(when + micros(FIRST_DAY), TS),
         pa.array(["ban"] * banned.size + actions.tolist(), pa.string())],
        schema=ENFORCEMENT,
    )  # fmt: skip
    acts = acts.sort_by([("at", "ascending"), ("account_id", "ascending")])
    write_table(acts, out / "log" / "enforcement.parquet")


def _write_sent(out: Path, ids: pa.Array, queued: Queued) -> int:
    """What a campaign sent for its own sake, cover traffic excluded; how many exchanges."""
    mine = np.flatnonzero(queued.item != COVER)
    sent = pa.table({
        "account_id": ids.take(pa.array(queued.slot[mine])),
        "ts": pa.array(queued.at[mine] + micros(FIRST_DAY), TS),
    })  # fmt: skip
    write_table(sent, out / "truth" / "campaign_exchanges.parquet")
    return int(mine.size)
