"""What both simulators begin with: a request that makes sense, the stage, releases, operators."""

import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from iolaus.core.errors import ConfigError, InputError
from iolaus.core.tables import RELEASES
from iolaus.worlds.attacks import FAMILIES, Attack, apply, customers, volumes
from iolaus.worlds.benign import populations
from iolaus.worlds.days import Releases
from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import DAY
from iolaus.worlds.network import Network
from iolaus.worlds.people import Stage

FIRST_DAY: Final = datetime(2026, 6, 1, tzinfo=UTC)  # a Monday
LEAST_HONEST = 4  # exchanges per honest account, on average, below which habits mean nothing
FAILING = 0.015  # share of honest exchanges that fail
FRAUD = 0.004  # share of paying strangers whose card is found on others
BANNED = 0.004  # share of honest accounts that are banned, throttled or stepped up in the window
DISPOSABLE: Final = ("mailinator.com", "tempmail.dev", "10minutemail.net", "yopmail.com")
TIERS: Final = ("swift", "core", "grand")
Progress = Callable[[str, int, int], None]


def checked(
    family: str, attacks: tuple[Attack, ...], accounts: int, exchanges: int, out: Path,
    campaign: int | None, days: int,
) -> int:  # fmt: skip
    """The number of campaign accounts, once the request makes sense."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            "the output directory is not empty.", where=str(out), next_step="Name a new one."
        )
    if days < 3:
        raise InputError(f"{days} days are too few.", next_step="Ask for 3 or more.")
    one = FAMILIES[family]
    members = round(accounts * one.accounts) if campaign is None else campaign
    if one.draw is None:
        if campaign:
            raise InputError(
                f"the {family} family has no campaign.", next_step="Drop campaign_accounts."
            )
        members = 0
    honest = accounts - members - customers(attacks, members)
    least = populations(one.honest).least
    if honest < least or members < 0:
        raise InputError(
            f"{accounts} accounts leave {honest} honest ones; the populations need {least}.",
            next_step="Ask for more accounts, or fewer in the campaign.",
        )
    sent = sum(volumes(attacks, members))
    need = sent + LEAST_HONEST * (accounts - members)
    if exchanges < need:
        raise InputError(
            f"{exchanges:,} exchanges do not suffice: {members:,} campaign accounts send "
            f"{sent:,} and {accounts - members:,} honest ones at least {LEAST_HONEST} each.",
            next_step=f"Ask for {need:,} or more, or for fewer campaign accounts.",
        )
    return members


def generator(seed: int, name: str) -> np.random.Generator:
    """The generator of that name in the world of that seed."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def micros(at: datetime) -> int:
    """Microseconds since the epoch; `at` is a whole second."""
    return int(at.timestamp()) * 1_000_000


def stage_of(seed: int, days: int, corpora: Path | None) -> Stage:
    """What builders draw from; real texts and addresses where there are corpora."""
    if corpora is None:
        return Stage(seed, days * DAY, Network(), Grammar(), DISPOSABLE)
    from iolaus.worlds.corpora import Corpora

    real = Corpora.read(corpora)
    return Stage(seed, days * DAY, real.network(), real, real.disposable, real.clients())


def operators(family: str, seed: int, strength: Mapping[str, float]) -> tuple[Attack, ...]:
    """The operators that the seed draws, with the strengths asked for."""
    if family not in FAMILIES:
        raise ConfigError(f"no family '{family}'.", next_step=f"One of: {', '.join(FAMILIES)}.")
    drawn = FAMILIES[family].attacks(generator(seed, "attack"))
    if strength and not drawn:
        raise ConfigError(f"the {family} family has no campaign.", next_step="Drop the strengths.")
    return apply(drawn, strength)


def releases_of(stage: Stage, rng: np.random.Generator) -> Releases:
    """One or two models a tier before the log, two to four released during it."""
    names: list[list[str]] = [[f"{tier}-3"] for tier in TIERS]
    at: list[list[float]] = [[-float("inf")] for _ in TIERS]
    count = int(rng.integers(2, 5))
    for time in (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count * 0.9 * stage.span:
        tier = 2 if not any(len(n) > 1 for n in names) else int(rng.integers(len(TIERS)))
        names[tier].append(f"{TIERS[tier]}-{3 + len(names[tier])}")
        at[tier].append(float(np.floor(time / 3600) * 3600))
    return Releases(tuple(map(tuple, names)), tuple(map(tuple, at)))


def time_of(seconds: float) -> datetime:
    """The moment so many seconds after the log's first midnight, whole seconds."""
    return FIRST_DAY + timedelta(seconds=int(seconds))


def releases_table(releases: Releases) -> pa.Table:
    """core.tables.RELEASES; models from before the log came 200 days before it."""
    models = [
        {"model": n, "released_at": time_of(t if np.isfinite(t) else -200.0 * DAY)}
        for names, times in zip(releases.names, releases.at, strict=True)
        for n, t in zip(names, times, strict=True)
    ]
    return pa.Table.from_pylist(models, schema=RELEASES)


def without(table: pa.Table, hidden: tuple[str, ...]) -> pa.Table:
    """The table with these of its columns null, as a provider has it who does not keep them."""
    for name in hidden:
        if name in table.column_names:
            place, field = table.column_names.index(name), table.schema.field(name)
            table = table.set_column(place, field, pa.nulls(table.num_rows, field.type))
    return table
