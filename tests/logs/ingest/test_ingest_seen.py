"""Which exchanges the store has: against a set, over merges, restarts and kills."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iolaus.logs.ingest import seen
from iolaus.logs.ingest.seen import GROWTH, Seen


def test_it_knows_what_was_added_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "MERGE_ROWS", 7)
    rng = np.random.default_rng(3)
    known: set[int] = set()
    ids = Seen(tmp_path, until=0)
    for number in range(1, 60):
        fresh = np.unique(rng.integers(-(2**63), 2**63 - 1, rng.integers(0, 90), dtype=np.int64))
        ids.add(number, fresh)
        known |= set(fresh.tolist())
        ids.merge()
        asked = np.concatenate([rng.permutation(list(known))[:40], rng.integers(-9, 9, 5)])
        assert ids.among(asked.astype(np.int64)).tolist() == [x in known for x in asked.tolist()]
    assert len(ids) == len(known)
    assert len(list(tmp_path.glob("*.npy"))) < 3 * GROWTH
    again = Seen(tmp_path, until=59)
    assert again.among(np.fromiter(known, np.int64)).all()
    assert len(again) == len(known)


def test_what_was_added_by_a_commit_that_never_came_is_forgotten(tmp_path: Path) -> None:
    ids = Seen(tmp_path, until=0)
    ids.add(1, np.array([1, 2]))
    ids.add(2, np.array([3]))
    again = Seen(tmp_path, until=1)
    assert again.among(np.array([1, 2, 3])).tolist() == [True, True, False]
    assert [path.name for path in tmp_path.iterdir()] == ["000000000001-000000000001.npy"]


def test_parts_of_a_merged_run_that_a_kill_left_do_not_count_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = Seen(tmp_path, until=0)
    for number in range(1, GROWTH + 1):
        ids.add(number, np.array([number]))

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dies)
        with pytest.raises(KeyboardInterrupt):
            ids.merge()
    assert len(list(tmp_path.glob("*.npy"))) == GROWTH + 1
    again = Seen(tmp_path, until=GROWTH)
    assert len(again) == GROWTH
    assert len(list(tmp_path.glob("*.npy"))) == 1
