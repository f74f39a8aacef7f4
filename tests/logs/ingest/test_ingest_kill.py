"""Killed before any change on disk: the next start ends the same."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from ingest_making import ids, rejects, rows, run, write_lines

from iolaus.logs.ingest import Protection, seen
from iolaus.logs.privacy import add_key, read_keys, unseal

CHANGES = ("replace", "unlink", "rename")  # of Path; and every fsync
NEVER = 10**9


class Killed(BaseException):
    """As a kill: nothing of ours catches it, and no change on disk comes after it."""


def dying(patch: pytest.MonkeyPatch, after: int) -> list[int]:
    """From the change number `after` on, every change on disk kills."""
    count = [0]

    def dies(change: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            count[0] += 1
            if count[0] > after:
                raise Killed
            return change(*arguments, **named)

        return counted

    for name in CHANGES:
        patch.setattr(Path, name, dies(getattr(Path, name)))
    patch.setattr(os, "fsync", dies(lambda descriptor: None))
    return count


def source(log: Path, row: Any) -> None:
    """Two days, rejects, duplicates, accounts; enough commits that ids are merged."""
    days = ("2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z")
    for name in "ab":
        made = [row(f"{name}{n}", ts=days[n % 2]) for n in range(4)]
        write_lines(log / "exchanges" / f"{name}.jsonl", *made, b"{", row("a1"))
    write_lines(log / "accounts.jsonl", {"account_id": "a"}, {"account_id": "a"})


def protected(tmp_path: Path) -> Protection:
    if not (tmp_path / "keys").exists():
        add_key(tmp_path / "keys")
        add_key(tmp_path / "keys")  # an older key: aliases are written too
    return Protection(read_keys(tmp_path / "keys"), ("account",), "encrypt")


def ended(store: Path, protection: Protection) -> dict[str, Any]:
    """What must not depend on where a run was killed."""
    sealed = [pq.read_table(p) for p in sorted((store / "texts").glob("*/*.parquet"))]
    texts = [row for table in sealed for row in unseal(table, protection.keys)]
    return {
        "rows": sorted(str(r) for r in rows(store)),
        "ids": ids(store),
        "texts": sorted(str(row) for row in texts),
        "rejects": rejects(store),
        "accounts": pq.read_table(store / "accounts.parquet").to_pylist(),
        "aliases": pq.read_table(store / "aliases.parquet").to_pylist(),
        "left": sorted(p.name for p in store.rglob("*.tmp")),
    }


@pytest.mark.slow
def test_killed_before_any_change_on_disk_it_ends_the_same(
    row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="sealing needs the extra iolaus[privacy]")
    monkeypatch.setattr(seen, "GROWTH", 2)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # nobody pulls the plug here
    log, protection = tmp_path / "log", protected(tmp_path)
    source(log, row)
    options: dict[str, Any] = {"protection": protection, "batch_bytes": 1, "threads": 1}
    with monkeypatch.context() as patch:
        changes = dying(patch, NEVER)
        state = run(log, tmp_path / "whole", **options)
    expected = ended(tmp_path / "whole", protection)
    assert len(expected["ids"]) == len(set(expected["ids"])) == 8
    assert len(expected["texts"]) == 8
    assert (state.read, state.stored, state.duplicates) == (12, 8, 2)
    assert changes[0] > 80
    for step in range(changes[0]):
        store = tmp_path / f"killed-{step}"
        with monkeypatch.context() as patch:
            dying(patch, step)
            with pytest.raises(Killed):
                run(log, store, **options)
        again = run(log, store, **options)
        assert ended(store, protection) == expected, step
        counts = (again.read, again.stored, again.duplicates, again.rejected)
        assert counts == (12, 8, 2, state.rejected), step
        assert again.rejected_of_tables == state.rejected_of_tables


def test_a_kill_is_a_kill(row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    source(log, row)
    with monkeypatch.context() as patch:
        dying(patch, 25)
        with pytest.raises(Killed):
            run(log, store, batch_bytes=1, threads=1)
    assert list(store.rglob("*.tmp"))  # cleaning up is a change on disk, too
    run(log, store)
    assert len(ids(store)) == 8
