"""A world to measure in: the arguments of `iolaus simulate`, and where it stands."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from iolaus.core.files import write_text

from . import origin
from .bench import Bench


@dataclass(frozen=True)
class World:
    """Arguments of `iolaus simulate`; accounts and exchanges are totals, campaign included.

    strength: (name, value) pairs, what of the family's draws is set by hand; empty for most.
    """

    family: str
    seed: int
    accounts: int
    campaign_accounts: int
    exchanges: int
    strength: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        sizes = f"{self.accounts}-{self.campaign_accounts}-{self.exchanges}"
        return "-".join(
            [self.family, f"{self.seed}", sizes, *(f"{n}={v:g}" for n, v in self.strength)]
        )

    def parameters(self) -> dict[str, Any]:
        """For a frozen result; a world as the family draws it has no strength in it."""
        plain = {name: value for name, value in asdict(self).items() if name != "strength"}
        return {**plain, **({"strength": dict(self.strength)} if self.strength else {})}


def world_at(bench: Bench, world: World) -> Path:
    """Where a world is, or will be."""
    return bench.work / "worlds" / f"{world.name}-{origin.world_key(bench.commit)}"


def make_world(bench: Bench, world: World) -> Path:
    """The world's directory; simulated where it does not stand yet."""
    target = world_at(bench, world)
    if not (target / "made.json").exists():
        shutil.rmtree(target, ignore_errors=True)
        words = [
            "simulate", world.family, "--seed", str(world.seed),
            "--accounts", str(world.accounts), "--exchanges", str(world.exchanges),
            "--out", str(target),
        ]  # fmt: skip
        if world.campaign_accounts:
            words += ["--campaign-accounts", str(world.campaign_accounts)]
        for name, value in world.strength:
            words += ["--strength", f"{name}={value:g}"]
        if bench.corpora:
            words += ["--corpora", str(bench.corpora)]
        usage = bench.call(f"simulate-{world.name}", *words)
        write_text(json.dumps(asdict(usage)), target / "made.json")
    return target


def warm_up(bench: Bench) -> None:
    """Let the text kernel compile once per commit (about 12 s), outside of what is measured."""
    done = bench.source.parent / "warm"
    if not done.exists():
        world = World("spike", 1, 200, 20, 2_000)
        log = make_world(Bench(bench.work, None, bench.results, bench.commit, bench.source), world)
        out = bench.work / "outs" / "warm-up"
        bench.call("warm-up", "scan", str(log / "log"), "--out", str(out))
        shutil.rmtree(out)
        done.touch()
