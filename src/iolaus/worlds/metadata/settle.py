"""Who is there: honest districts built one at a time, in helper processes where there are many,
and the campaign.

A district is a customer base of its own with all honest populations: its classes, firms, VPNs and
pools are its own. So a million accounts are forty customer bases in one log, and memory holds one
district of objects per process. What a district holds follows from seed and number alone, so that
the number of processes changes nothing.
"""

import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from iolaus.core.errors import InputError
from iolaus.worlds.attacks import Attack, build
from iolaus.worlds.benign import populations
from iolaus.worlds.benign.individuals import fraud
from iolaus.worlds.metadata.folk import Folk, collapse, joined
from iolaus.worlds.metadata.quick import Dealt, quick
from iolaus.worlds.model import Address, Cohort, Schedule
from iolaus.worlds.people import Stage
from iolaus.worlds.setting import (
    FIRST_DAY,
    FRAUD,
    Progress,
    generator,
    micros,
    releases_of,
    stage_of,
)

DISTRICT: Final = 25_000  # honest accounts of a district at most; as objects about 150 MB
SERIALS: Final = 2**32  # of one district: the ids made from them are its own
CAMPAIGN = -1  # number of the campaign's stage
Operations = list[tuple[Cohort, int]]  # an operator's accounts, and the slot of the first


def district(seed: int, days: int, corpora: Path | None, mix: str, number: int, count: int) -> Folk:
    """Build one district, and keep its columns."""
    stage = _stage(seed, days, corpora, number)
    cohorts = populations(mix).build(stage, count, lambda name: quick(seed, f"{name} {number}"))
    people = [a for cohort in cohorts.values() for a in cohort.accounts]
    fraud(stage, people, FRAUD, quick(seed, f"fraud {number}"))
    folk = collapse(cohorts, micros(FIRST_DAY))
    folk.exits = stage.exits
    return folk


def campaign(
    seed: int, days: int, corpora: Path | None, attacks: tuple[Attack, ...], members: int,
    exits: list[Address],
) -> tuple[Folk, Operations]:  # fmt: skip
    """The operators' accounts and the customers in their pools, and who works off which queue."""
    stage = _stage(seed, days, corpora, CAMPAIGN)
    stage.exits = exits
    cohorts = build(stage, attacks, members, quick(seed, "campaign"))
    operations: Operations = []
    slot = 0
    for cohort in cohorts.values():
        if cohort.schedule:
            operations.append((cohort, slot))
        slot += len(cohort.accounts)
    return collapse(cohorts, micros(FIRST_DAY)), operations


def schedules(operations: Operations, seed: int) -> list[tuple[Schedule, int]]:
    """Each operator's queue, and the slot of its first account."""
    return [
        (cohort.schedule(cohort.exchanges or 0, generator(seed, f"queue {first}")), first)
        for cohort, first in operations
        if cohort.schedule
    ]


def _stage(seed: int, days: int, corpora: Path | None, number: int) -> Stage:
    stage = stage_of(seed, days, corpora)
    stage.counter = (number + 1) * SERIALS
    stage.source = Dealt(stage.source, [seed, number + 1])
    times = releases_of(stage, generator(seed, "releases")).at
    stage.released = tuple(sorted(t for tier in times for t in tier if t > 0))
    return stage


def sizes(count: int) -> list[int]:
    """Accounts of each district."""
    districts = -(-count // DISTRICT)
    return [count // districts + (n < count % districts) for n in range(districts)]


def honest(
    seed: int, days: int, corpora: Path | None, mix: str, count: int, processes: int,
    tell: Progress,
) -> Folk:  # fmt: skip
    """All districts, in order, as one.

    Raises InputError where a corpus file is missing, or a helper process was killed.
    """
    asked = [
        {"seed": seed, "days": days, "corpora": str(corpora) if corpora else None, "mix": mix,
         "number": number, "count": size}
        for number, size in enumerate(sizes(count))
    ]  # fmt: skip
    if corpora or min(processes, len(asked)) > 1:
        _stage(seed, days, corpora, CAMPAIGN)  # a missing corpus file is told here, not by a helper
    if min(processes, len(asked)) > 1:
        return joined(_with_helpers(asked, processes, tell))
    folk = []
    for number, one in enumerate(asked):
        folk.append(_asked(one))
        tell("accounts", number + 1, len(asked))
    return joined(folk)


def _with_helpers(asked: list[dict[str, Any]], processes: int, tell: Progress) -> list[Folk]:
    with tempfile.TemporaryDirectory(prefix="iolaus-") as scratch:
        files = [Path(scratch) / f"{n}.pickle" for n in range(len(asked))]
        jobs = list(zip(asked, map(str, files), strict=True))
        helpers = [_helper(jobs[n::processes]) for n in range(processes)]
        try:
            for done, helper in enumerate(helpers):
                tell("accounts", done, processes)
                _waited(helper)
        finally:
            for helper in helpers:
                helper.kill()  # the others, where one failed; nothing where all have ended
                helper.wait()
        tell("accounts", processes, processes)
        return [pickle.loads(file.read_bytes()) for file in files]


def _waited(helper: subprocess.Popen[bytes]) -> None:
    if helper.wait():
        raise InputError(
            f"a helper process that builds accounts ended with status {helper.returncode}.",
            next_step="See its message above; if memory ran out, ask for fewer accounts.",
        )


def _helper(jobs: list[tuple[dict[str, Any], str]]) -> subprocess.Popen[bytes]:
    """A fresh interpreter, so that neither threads nor the caller's own script come along."""
    code = "from iolaus.worlds.metadata.settle import helper; helper()"
    started = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    assert started.stdin is not None
    with started.stdin as pipe:
        pipe.write(json.dumps(jobs).encode())
    return started


def helper() -> None:
    """Build the districts named on the standard input, each into a file that the caller reads."""
    for asked, file in json.load(sys.stdin):
        Path(file).write_bytes(pickle.dumps(_asked(asked)))


def _asked(one: dict[str, Any]) -> Folk:
    corpora = Path(one["corpora"]) if one["corpora"] else None
    return district(one["seed"], one["days"], corpora, one["mix"], one["number"], one["count"])
