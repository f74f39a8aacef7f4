"""What is measured: every cell with its world, and what it will cost.

Seeds from 10101 (families, curves, replay, ablation, peers) and 10201 (false alarms) on are kept
for this benchmark; nothing was developed or tuned on them. Those of earlier rounds (earlier/) were
used up when what they showed led to changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from benchmarks.harness.origin import git
from benchmarks.harness.world import World

from iolaus.worlds.attacks import FAMILIES

MEMORY: Final = "4GB"  # given to iolaus scan and iolaus replay
THREADS: Final = 1  # of a command; two jobs run side by side
EVERY: Final = "1d"
DAYS: Final = 45  # of every world

JUDGED_SEEDS: Final = (10101, 10201)  # the first of the families', the first of the false alarms'
PARTS: Final = ("families", "peers", "ablation", "replay", "curves", "alarms")
EACH: Final = 3  # worlds of each family
ALARMS: Final = 40  # worlds of each family without a campaign
ALARM_SIZE: Final = (1_500, 0, 40_000)
TINY_HONEST: Final = 800  # accounts of a world that only shows that everything runs
SHORT: Final = ("spike",)  # lasts two days: what a daily look can save is not asked of it
ABLATED: Final = ("long", "spike", "pools", "hydra", "careful", "paraphrase", "cover", "no_text")
CURVED: Final = ("long", "careful")
# Axis of a curve: its points. What the family itself draws stands between them as `default`.
AXES: Final[dict[str, tuple[float, ...]]] = {
    "campaign_accounts": (10, 20, 50, 400),
    "per_account": (4, 12, 40, 400),
    "cover": (0.25, 0.5, 0.75, 0.9),
    "unique": (0.5, 0.8, 0.95, 1.0),
    "jitter": (2, 12, 48, 168),  # hours
    "paraphrase": (0.25, 0.5, 0.75, 1.0),
}
UNMOVED: Final = {("careful", "unique")}  # it has nothing left to make unique

# For the forecast alone: seconds of one core, measured on 3,000 accounts and 180,000 exchanges.
START_S = 4.0  # a process, and the corpora
SIMULATED_PER_S = 25_000  # exchanges
SCANNED_PER_S = 22_000  # exchanges
LOOK_S = 3.0  # one look of a replay of 3,000 accounts
PEERS_S = 38.0  # all peers on one world
LEFT_OUT_S = 1.8  # one investigation without one thing
LEFT_OUT = 28  # things that are left out, about


@cache
def peers_tree() -> str:
    """Identity of the peers' code and settings, as last committed."""
    return git("rev-parse", "HEAD:benchmarks/peers")


@dataclass(frozen=True)
class Cell:
    """One measurement; its frozen result is results/NAME.json."""

    part: str
    world: World
    axis: str | None = None
    value: float | None = None

    @property
    def name(self) -> str:
        point = f"-{self.axis}-{self.value:g}" if self.axis else ""
        return f"{self.part}/{self.world.family}-{self.world.seed}{point}"

    def parameters(self) -> dict[str, Any]:
        """All that decides the result, besides the code and the corpora."""
        return {
            "part": self.part, **self.world.parameters(), "days": DAYS, "memory": MEMORY,
            "every": EVERY if self.part == "replay" else None,
            "axis": self.axis, "value": self.value,
            **({"peers_tree": peers_tree()} if self.part == "peers" else {}),
        }  # fmt: skip

    @property
    def forecast_s(self) -> float:
        """Seconds, the world and its scan excluded."""
        if self.part == "replay":
            return START_S + DAYS * LOOK_S * self.world.accounts / 3_000
        return {"peers": PEERS_S, "ablation": LEFT_OUT * LEFT_OUT_S}.get(self.part, 2.0)


def forecast_world_s(world: World) -> float:
    """Seconds to make a world."""
    return START_S + world.exchanges / SIMULATED_PER_S


def forecast_scan_s(world: World) -> float:
    """Seconds to scan it once and to score that."""
    return START_S + world.exchanges / SCANNED_PER_S


def default_world(family: str, seed: int, *, tiny: bool = False) -> World:
    """A family's world at its default size; a tiny one only shows that everything runs."""
    one = FAMILIES[family]
    if not tiny:
        return World(family, seed, *one.size)
    members, each = min(one.size.campaign_accounts, 60), min(one.per_account, 20.0)
    exchanges = TINY_HONEST * 16 + round(each * members)
    strength = (("per_account", each),) if each < one.per_account else ()
    return World(family, seed, TINY_HONEST + members, members, exchanges, strength)


def at_point(world: World, axis: str, value: float) -> World:
    """The same world with one thing changed; honest accounts and what they send stay as many."""
    strength, members = dict(world.strength), world.campaign_accounts
    each = strength.get("per_account", FAMILIES[world.family].per_account)
    honest = world.exchanges - round(members * each)
    if axis == "campaign_accounts":
        members = round(value)
    else:
        strength[axis] = value
        each = strength.get("per_account", each)
    return World(
        world.family, world.seed, world.accounts - world.campaign_accounts + members, members,
        honest + round(members * each), tuple(strength.items()),
    )  # fmt: skip


def cells(
    seeds: tuple[int, int] = JUDGED_SEEDS, *, tiny: bool = False, each: int = EACH
) -> list[Cell]:
    """Every cell. Cells of one world stand together: it is made once and removed after the last."""
    found: list[Cell] = []
    for place, family in enumerate(FAMILIES):
        for n in range(1 if tiny else each):
            world = default_world(family, seeds[0] + place * each + n, tiny=tiny)
            found += [Cell(part, world) for part in _parts(family, first=n == 0)]
            if n == 0 and family in CURVED:
                found += _curve(world, tiny)
    return found + list(_alarms(seeds[1], tiny))


def _parts(family: str, *, first: bool) -> list[str]:
    parts = ["families", "peers"]
    if first and family in ABLATED:
        parts.append("ablation")
    if first and FAMILIES[family].draw is not None and family not in SHORT:
        parts.append("replay")
    return parts


def _curve(world: World, tiny: bool) -> list[Cell]:
    found = []
    for axis, points in AXES.items():
        if (world.family, axis) not in UNMOVED:
            found += [
                Cell("curves", at_point(world, axis, value), axis, value)
                for value in (points[1:2] if tiny else points)
            ]
    return found


def _alarms(first: int, tiny: bool) -> Iterator[Cell]:
    accounts, members, exchanges = ALARM_SIZE
    for place, family in enumerate(("null", "lookalikes")):
        for n in range(2 if tiny else ALARMS):
            seed = first + place * ALARMS + n
            yield Cell("alarms", World(family, seed, accounts, members, exchanges))


def chosen(found: list[Cell], parts: list[str], only: list[str]) -> list[Cell]:
    """The cells of these parts whose name, with its part or without, begins with one of `only`."""
    return [
        cell for cell in found
        if (not parts or cell.part in parts)
        and (not only or any(
            cell.name.startswith(o) or cell.name.partition("/")[2].startswith(o) for o in only))
    ]  # fmt: skip


def jobs(found: list[Cell]) -> list[list[Cell]]:
    """Cells by world, in the order in which they stand."""
    by_world: dict[World, list[Cell]] = {}
    for cell in found:
        by_world.setdefault(cell.world, []).append(cell)
    return list(by_world.values())
