"""From a family's name and a seed to a log directory and, apart from it, the truth.

1. the campaign and the honest populations are built, account by account; 2. exchanges are shared
out and given moments; 3. accounts, releases, enforcement and truth are written; 4. days are
written one after the other, so that memory holds one day of text.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from iolaus.core.files import write_table, write_text
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, TS
from iolaus.worlds.attacks import FAMILIES, Attack, build, customers, volumes
from iolaus.worlds.benign import populations
from iolaus.worlds.benign.individuals import fraud
from iolaus.worlds.book import Book
from iolaus.worlds.days import World as Scene
from iolaus.worlds.days import day_table
from iolaus.worlds.model import DAY, NO_ITEM, Account, Cohort, Floats, Ints, Rows, Schedule, token
from iolaus.worlds.people import Stage, spread
from iolaus.worlds.rhythms import sit
from iolaus.worlds.setting import (
    BANNED,
    FAILING,
    FIRST_DAY,
    FRAUD,
    Progress,
    checked,
    generator,
    micros,
    operators,
    releases_of,
    releases_table,
    stage_of,
    time_of,
    without,
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """What was written, and where."""

    log: Path
    truth: Path
    accounts: int
    campaign_accounts: int
    exchanges: int
    campaign_exchanges: int


def simulate(
    family: str, *, seed: int, accounts: int, exchanges: int, out: Path,
    campaign_accounts: int | None = None, corpora: Path | None = None, days: int = 45,
    strength: Mapping[str, float] | None = None, progress: Progress | None = None,
) -> World:  # fmt: skip
    """Write OUT/log and OUT/truth. `accounts` and `exchanges` are totals, campaign included.

    `strength` sets what the seed would have drawn (attacks/strengths.py has the names). The same
    arguments give the same bytes. Raises InputError where `out` holds something, the exchanges
    cannot suffice or a corpus file is missing; ConfigError for an unknown family or strength.
    """
    attacks = operators(family, seed, strength or {})
    members = checked(family, attacks, accounts, exchanges, out, campaign_accounts, days)
    stage = stage_of(seed, days, corpora)
    releases = releases_of(stage, generator(seed, "releases"))
    stage.released = tuple(sorted(t for times in releases.at for t in times if t > 0))
    left = exchanges - sum(volumes(attacks, members))
    cohorts = _honest(
        stage, accounts - members - customers(attacks, members), FAMILIES[family].honest
    )
    if members:
        cohorts |= build(stage, attacks, members, generator(seed, "campaign"))
    people = [a for cohort in cohorts.values() for a in cohort.accounts]
    for number, account in enumerate(people):
        account.id = f"acct_{token(seed, 'account', number, chars=14)}"
    fraud(stage, [a for a in people if a.campaign_id is None], FRAUD, generator(seed, "fraud"))
    plan = _schedules(stage, cohorts, left, progress)
    scene = Scene(stage, people, Book.of(people, seed), releases, micros(FIRST_DAY))
    hidden = FAMILIES[family].hidden
    _write_tables(out / "log", scene, hidden, generator(seed, "enforcement"))
    _write_days(out / "log", scene, plan, hidden, progress)
    return _write_truth(out, family, scene, plan, attacks if members else (), strength or {}, days)


def _honest(stage: Stage, count: int, mix: str) -> dict[str, Cohort]:
    """Each population's accounts."""
    return populations(mix).build(stage, count, lambda name: generator(stage.seed, name))


def _schedules(
    stage: Stage, cohorts: dict[str, Cohort], honest: int, progress: Progress | None
) -> Schedule:
    """All exchanges of the world, sorted by time; `slot` indexes the accounts."""
    people = [(name, c, a) for name, c in cohorts.items() if not c.schedule for a in c.accounts]
    weights = np.array([cohorts[name].share * account.weight for name, _, account in people])
    for name, cohort in cohorts.items():  # a population's mean is its share, whatever its tail drew
        mine = np.array([n == name for n, _, _ in people])
        if mine.any():
            weights[mine] *= cohort.share / weights[mine].mean()
    counts = spread(_reachable(people, weights, stage.span), honest).astype(np.int64)
    parts: list[Schedule] = []
    slot, at = 0, 0
    for name, cohort in cohorts.items():
        rng = generator(stage.seed, f"schedule {name}")
        if progress:
            progress("schedule", slot, sum(len(c.accounts) for c in cohorts.values()))
        if cohort.schedule:
            part = cohort.schedule(cohort.exchanges or 0, rng)
            part.slot += slot
        else:
            mine_counts = counts[at : at + len(cohort.accounts)]
            part = _sittings(cohort.accounts, mine_counts, slot, stage.span, rng)
            at += len(cohort.accounts)
        parts.append(part)
        slot += len(cohort.accounts)
    return _sorted(parts)


def _reachable(
    people: list[tuple[str, Cohort, Account]], weights: Floats,
    span: float,
) -> Floats:  # fmt: skip
    """Weights scaled down for those who are there for part of the log only."""
    present = [
        max(0.02, min(a.end, span) - max(a.start, 0.0)) / span if a.population not in
        ("hackathon", "class", "synthetic_data_job") else 1.0 for _, _, a in people
    ]  # fmt: skip
    top = np.quantile(weights, 0.5) * 4_000  # one account never is most of a provider's traffic
    scaled: Floats = np.minimum(weights * np.array(present), top)
    return scaled


def _sittings(
    accounts: list[Account], counts: Ints, first: int,
    span: float, rng: np.random.Generator,
) -> Schedule:  # fmt: skip
    moments, sittings = [], []
    for account, count in zip(accounts, counts, strict=True):
        ts, sitting = sit(account, int(count), span, rng)
        moments.append(ts)
        sittings.append(sitting)
    slot = np.repeat(np.arange(first, first + len(accounts)), counts)
    ts = np.concatenate(moments)
    failed = rng.random(ts.size) < FAILING
    no = np.full(ts.size, NO_ITEM, dtype=np.int64)
    return Schedule(slot, ts, no, np.concatenate(sittings), failed, np.zeros(ts.size, dtype=bool))


def _sorted(parts: list[Schedule]) -> Schedule:
    columns = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in Schedule.__dataclass_fields__
    }
    columns["ts"] = np.floor(columns["ts"] * 1e6) / 1e6
    order = np.lexsort((columns["slot"], columns["ts"]))
    return Schedule(**{name: values[order] for name, values in columns.items()})


def _write_tables(
    log: Path, scene: Scene, hidden: tuple[str, ...], rng: np.random.Generator
) -> None:
    rows = sorted(
        (
            {
                "account_id": a.id, "created_at": time_of(a.created),
                "organization_id": a.organization_id, "email_domain": a.email_domain,
                "email_hash": a.email_hash, "payment_fingerprint": a.payment,
                "billing_country": a.billing_country, "signup_ip": a.signup_ip,
                "device_fingerprint": a.device, "plan": a.plan, "verification": a.verification,
                "program": a.program, "legal_name": a.legal_name,
            }
            for a in scene.accounts
        ),
        key=lambda row: str(row["account_id"]),
    )  # fmt: skip
    table = without(pa.Table.from_pylist(rows, schema=ACCOUNTS), hidden)
    write_table(table, log / "accounts.parquet")
    write_table(releases_table(scene.releases), log / "releases.parquet")
    acts = _enforcement(scene, rng)
    write_table(pa.Table.from_pylist(acts, schema=ENFORCEMENT), log / "enforcement.parquet")


def _enforcement(scene: Scene, rng: np.random.Generator) -> list[dict[str, object]]:
    """What the provider did: the campaign's bans, and a few honest accounts'."""
    acts: list[dict[str, object]] = []
    for account in scene.accounts:
        if account.banned is not None:
            acts.append({"account_id": account.id, "at": time_of(account.banned), "action": "ban"})
        elif rng.random() < BANNED:
            at = float(rng.uniform(max(0.0, account.start), scene.stage.span))
            action = str(rng.choice(("ban", "throttle", "step_up"), p=(0.5, 0.3, 0.2)))
            acts.append({"account_id": account.id, "at": time_of(at), "action": action})
    return sorted(acts, key=lambda act: (str(act["at"]), str(act["account_id"])))


def _write_days(
    log: Path, scene: Scene, plan: Schedule, hidden: tuple[str, ...], progress: Progress | None
) -> None:
    sequence = _sequence(plan.slot)
    days = int(scene.stage.span // DAY)
    edges = np.searchsorted(plan.ts, np.arange(days + 1) * float(DAY))
    for day in range(days):
        if progress:
            progress("write", day, days)
        part = np.arange(edges[day], edges[day + 1])
        if part.size == 0:
            continue
        rows = Rows(plan.slot, plan.ts, sequence, plan.item, plan.sitting).take(part)
        rng = generator(scene.stage.seed, f"day {day}")
        table = day_table(scene, rows, plan.failed[part], int(edges[day]), rng)
        name = f"day={(FIRST_DAY + timedelta(days=day)).date().isoformat()}.parquet"
        write_table(without(table, hidden), log / "exchanges" / name)
    if progress:
        progress("write", days, days)


def _sequence(
    slot: Ints,
) -> Ints:
    """How many exchanges of the same account stand before each."""
    order = np.argsort(slot, kind="stable")
    ordered = slot[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(np.append(begins, ordered.size))
    out = np.empty_like(slot)
    out[order] = np.arange(ordered.size) - np.repeat(begins, counts)
    return out


def _write_truth(
    out: Path, family: str, scene: Scene, plan: Schedule, attacks: tuple[Attack, ...],
    strength: Mapping[str, float], days: int,
) -> World:  # fmt: skip
    truth = out / "truth"
    rows = sorted(
        (
            {
                "account_id": a.id,
                "population": a.population,
                "campaign_id": a.campaign_id,
                "country": a.country,
            }
            for a in scene.accounts
        ),
        key=lambda row: str(row["account_id"]),
    )
    text = pa.string()
    schema = pa.schema(
        [("account_id", text), ("population", text), ("campaign_id", text), ("country", text)]
    )
    write_table(pa.Table.from_pylist(rows, schema=schema), truth / "accounts.parquet")
    mine = np.flatnonzero(plan.campaign)
    micros = scene.midnight + (plan.ts[mine] * 1e6).astype(np.int64)
    sent = pa.table(
        {"account_id": pa.array(scene.book.ids[plan.slot[mine]], text), "ts": pa.array(micros, TS)}
    )
    write_table(sent, truth / "campaign_exchanges.parquet")
    members = sum(a.campaign_id is not None for a in scene.accounts)
    facts = {
        "family": family, "seed": scene.stage.seed, "days": days,
        "attacks": [asdict(attack) for attack in attacks], "strength": dict(strength),
        "accounts": dict(Counter(a.population for a in scene.accounts)),
        "exchanges": int(plan.ts.size), "campaign_exchanges": int(mine.size),
    }  # fmt: skip
    write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", truth / "world.json")
    return World(out / "log", truth, len(scene.accounts), members, plan.ts.size, int(mine.size))
