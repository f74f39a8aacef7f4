"""Each peer's settings, tuned on development worlds and frozen in settings.json.

For each peer the setting with the best mean F1 of accounts over the development worlds that have a
campaign is taken; ties go to fewer honest accounts called over all worlds, then to the first of
the grid. Worlds without a campaign count only there: F1 is not defined in them, so a peer is
free to alarm in them, which is the choice most generous to peers. A world where a peer is not
applicable is left out of its mean; a peer never sees a judging seed.

`hindsight_f1` is the best F1 that any setting of the grid reaches in that world: what the peer
could have had if someone had known the attack. It is written beside the result, decides nothing.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Final

import pyarrow.parquet as pq
from benchmarks.harness import origin

from iolaus.core.errors import ConfigError, InputError
from iolaus.core.files import write_text

from .log import Log, NotApplicable
from .peer import Group, Peer, Setting

FROZEN: Final = Path(__file__).with_name("settings.json")
LAST_DEVELOPMENT_SEED = 99  # seeds above judge, and are never tuned on
Say = Callable[[str], None]


@dataclass(frozen=True)
class Truth:
    """A development world: its log, who is guilty, and what it is."""

    log: Path
    family: str
    seed: int
    accounts: int
    exchanges: int
    guilty: frozenset[str]

    @staticmethod
    def read(world: Path) -> "Truth":
        """Raises ConfigError for a seed that is not for development."""
        about = json.loads((world / "truth" / "world.json").read_text())
        if not 1 <= about["seed"] <= LAST_DEVELOPMENT_SEED:
            raise ConfigError(
                f"seed {about['seed']} is not for development.",
                where=str(world),
                next_step=f"Tune on seeds 1 to {LAST_DEVELOPMENT_SEED}.",
            )
        rows = pq.read_table(
            world / "truth" / "accounts.parquet", columns=["account_id", "campaign_id"]
        ).to_pylist()
        guilty = frozenset(r["account_id"] for r in rows if r["campaign_id"] is not None)
        log = Log(world / "log")
        sent = sum(pq.read_metadata(path).num_rows for path in log.files)
        return Truth(log.path, about["family"], about["seed"], len(rows), sent, guilty)

    @property
    def name(self) -> str:
        return f"{self.family}-{self.seed}"

    @property
    def made_by(self) -> str:
        """The command that makes the world (with the corpora of docs/worlds.md)."""
        campaign = f" --campaign-accounts {len(self.guilty)}" if self.guilty else ""
        return (
            f"iolaus simulate {self.family} --seed {self.seed} --accounts {self.accounts}"
            f"{campaign} --exchanges {self.exchanges} --corpora CORPORA --out {self.name}"
        )


@dataclass(frozen=True)
class Outcome:
    """What one setting called in one world. f1 is NaN in a world without a campaign."""

    hits: int
    called: int
    guilty: int

    @staticmethod
    def of(groups: Sequence[Group], guilty: frozenset[str]) -> "Outcome":
        called = {account for group in groups for account in group.accounts}
        return Outcome(len(called & guilty), len(called), len(guilty))

    @property
    def f1(self) -> float:
        return 2 * self.hits / (self.called + self.guilty) if self.guilty else math.nan

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the frozen file; None where not defined."""
        share = {
            "recall": self.hits / self.guilty if self.guilty else None,
            "precision": self.hits / self.called if self.guilty and self.called else None,
            "f1": self.f1 if self.guilty else None,
        }
        shares = {k: None if v is None else round(v, 4) for k, v in share.items()}
        return {**shares, "honest_called": self.called - self.hits}


def tuned(peer: Peer[Any], worlds: Sequence[Truth], say: Say) -> dict[str, Any]:
    """The frozen entry of one peer: setting, mean F1, and each world's outcome."""
    by_world: dict[str, list[Outcome]] = {}
    unable: dict[str, str] = {}
    seconds = 0.0
    for world in worlds:
        began = time.process_time()
        try:
            evidence = peer.prepare(peer.usable(Log(world.log)), peer.settings)
        except NotApplicable as why:
            unable[world.name] = str(why)
            continue
        seconds = max(seconds, time.process_time() - began)
        by_world[world.name] = [
            Outcome.of(peer.decide(evidence, setting), world.guilty) for setting in peer.settings
        ]
        say(f"{peer.name} {world.name}: {time.process_time() - began:.1f} s of CPU")
    at = best(peer.settings, list(by_world.values()))
    outcomes = {name: found[at] for name, found in by_world.items()}
    scores = [o.f1 for o in outcomes.values() if o.guilty]
    rows = {name: o.as_dict() for name, o in outcomes.items()}
    for name, found in by_world.items():
        if outcomes[name].guilty:
            rows[name]["hindsight_f1"] = round(max(o.f1 for o in found), 4)
    return {
        "setting": dict(peer.settings[at]),
        "mean_f1": round(mean(scores), 4) if scores else None,
        "tried": len(peer.settings),
        "longest_preparation_cpu_s": round(seconds, 1),
        "worlds": rows,
        "not_applicable": unable,
    }


def best(settings: Sequence[Setting], worlds: Sequence[Sequence[Outcome]]) -> int:
    """Number of the setting with the best mean F1; ties as the module says."""

    def rank(at: int) -> tuple[float, int, int]:
        scores = [outcomes[at].f1 for outcomes in worlds if outcomes[at].guilty]
        honest = sum(outcomes[at].called - outcomes[at].hits for outcomes in worlds)
        return (-round(mean(scores), 9) if scores else 0.0, honest, at)

    return min(range(len(settings)), key=rank)


def tune(
    peers: Sequence[Peer[Any]], worlds: Sequence[Path], out: Path, say: Say, made_with: str = ""
) -> dict[str, Any]:
    """Tune peers and write the frozen file; entries of peers not tuned now stay.

    made_with: the commit whose `iolaus simulate` made the worlds, where it is not the current one.
    """
    truths = [Truth.read(world) for world in worlds]
    if not truths:
        raise InputError("no development world.", next_step="Give --worlds DIR.")
    frozen = json.loads(out.read_text()) if out.exists() else {"peers": {}}
    for peer in peers:
        frozen["peers"][peer.name] = {"source": peer.source, **tuned(peer, truths, say)}
    names = " ".join(truth.name for truth in truths)
    frozen["command"] = f"python -m benchmarks.peers tune --worlds {names}"
    frozen["worlds"] = {truth.name: truth.made_by for truth in truths}
    frozen["worlds_made_with"] = made_with or origin.commit()
    frozen["peers"] = dict(sorted(frozen["peers"].items()))
    write_text(json.dumps(frozen, indent=1) + "\n", out)
    return dict(frozen)


def setting_of(peer: Peer[Any], frozen: Path = FROZEN) -> Setting:
    """The frozen setting of a peer. Raises ConfigError where it was never tuned."""
    known = json.loads(frozen.read_text())["peers"] if frozen.exists() else {}
    if peer.name not in known:
        raise ConfigError(
            f"peer '{peer.name}' has no frozen setting.",
            where=str(frozen),
            next_step="Run python -m benchmarks.peers tune --worlds DIR...",
        )
    setting: Setting = known[peer.name]["setting"]
    return setting
