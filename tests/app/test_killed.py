"""A process that dies at any stage: the next start goes on, and ends with the same bytes."""

import os
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.conftest import write_planted

from iolaus.app.progress import silent
from iolaus.app.replay import replay
from iolaus.app.scan import scan
from iolaus.app.settings import Settings

DIED = 9
SCAN = ("campaigns.parquet", "members.parquet", "evidence.parquet", "known.parquet")
REPLAY = ("detections.parquet", "known.parquet")
# Every file is put in its place by one of these two, each stage's among them.
PLACING = ("replace", "rename")


def scanned(log: Path, out: Path) -> None:
    scan(log, out, Settings(), memory="1GB", threads=2, keep_stages=False, report=silent)


def replayed(log: Path, out: Path) -> None:
    replay(
        log,
        out,
        Settings(),
        every=timedelta(days=2),
        memory="1GB",
        threads=2,
        keep_stages=False,
        report=silent,
    )


COMMANDS = {"scan": (scanned, SCAN), "replay": (replayed, REPLAY)}


def dying(command: str, log: Path, out: Path, until: int, before: bool) -> None:
    """Run a command and die, as the system kills, `before` or after new file number `until` is in
    its place. What it was about to put there is left cut off in the middle."""
    count = 0

    def placed(place):
        def and_die(self: Path, target: Path) -> Path:
            nonlocal count
            count += not target.exists()  # some small ones are made at every start
            if count >= until and before:
                if self.is_file():
                    os.truncate(self, self.stat().st_size // 2)
                os._exit(DIED)
            done = place(self, target)
            if count >= until:
                os._exit(DIED)
            return done

        return and_die

    for name in PLACING:
        setattr(Path, name, placed(getattr(Path, name)))
    COMMANDS[command][0](log, out)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_process_that_dies_at_any_stage_is_gone_on_with(command, tmp_path):
    run, names = COMMANDS[command]
    log = tmp_path / "log"
    write_planted(log, days=5)
    run(log, tmp_path / "whole")
    context = get_context("forkserver")
    context.set_forkserver_preload(["iolaus.app.replay"])
    deaths = 0
    while True:
        # One to six new files more than the last time (what is made of one file of the log is put
        # in its place together), and dead before the next one is there or after.
        before = deaths % 2 == 0
        given = (command, log, tmp_path / "out", 1 + deaths % 7, before)
        process = context.Process(target=dying, args=given)
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == DIED
        deaths += 1
    assert deaths > 10
    for name in names:
        ours = (tmp_path / "out" / name).read_bytes()
        assert ours == (tmp_path / "whole" / name).read_bytes(), name
    assert not list((tmp_path / "out").rglob("*.tmp"))
