"""The access log: a chain that shows what was changed, and that a killed process does not break."""

import json
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

import pytest
from store_rows import ASKING, NOW

from iolaus.core.errors import InputError
from iolaus.logs.privacy import AccessLog, Asking


def filled(path: Path, records: int = 3) -> AccessLog:
    log = AccessLog(path)
    for n in range(records):
        log.append(ASKING, "excerpts", {"exchanges": [f"e{n}"]})
    return log


def test_records_say_who_why_when_and_what(tmp_path: Path) -> None:
    log = filled(tmp_path / "deep" / "access.jsonl")
    record = log.records()[1]
    assert {name: record[name] for name in ("number", "who", "why", "action", "what", "at")} == {
        "number": 2, "who": "ada", "why": "ticket 17", "action": "excerpts",
        "what": {"exchanges": ["e1"]}, "at": "2026-06-01T09:00:00+00:00",
    }  # fmt: skip
    assert log.head() == log.records()[2]["hash"]
    assert AccessLog(tmp_path / "none").records() == []


@pytest.mark.parametrize("change", ["edit", "drop", "insert", "swap", "forge"])
def test_a_changed_log_is_seen(change: str, tmp_path: Path) -> None:
    log = filled(tmp_path / "access.jsonl")
    lines = log.path.read_text().splitlines()
    if change == "edit":
        lines[1] = lines[1].replace("ada", "eve")
    elif change == "drop":
        del lines[1]
    elif change == "insert":
        lines.insert(1, lines[0])
    elif change == "swap":
        lines[0], lines[1] = lines[1], lines[0]
    else:  # a record of its own, torn from the chain
        forged = json.loads(lines[1]) | {"who": "eve"}
        lines[1] = json.dumps(forged)
    log.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="the log was changed"):
        log.records()


def test_a_torn_last_line_is_no_end_of_the_log(tmp_path: Path) -> None:
    log = filled(tmp_path / "access.jsonl", 2)
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + b'{"number": 3, "wh')
    log.append(ASKING, "export", {})
    assert [record["number"] for record in log.records()] == [1, 2, 3]


def test_a_record_made_to_look_torn_is_seen(tmp_path: Path) -> None:
    log = filled(tmp_path / "access.jsonl")
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(lines[0] + lines[1][:40] + b"\n" + lines[2])
    with pytest.raises(InputError, match="line 3"):
        log.records()


def test_several_processes_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    context = get_context("spawn")
    workers = [context.Process(target=filled, args=(path, 20)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [r["number"] for r in AccessLog(path).records()] == list(range(1, 41))


@pytest.mark.parametrize(("who", "why"), [("", "x"), ("x", " "), ("\n", "x")])
def test_who_and_why_must_be_said(who: str, why: str) -> None:
    with pytest.raises(InputError, match="who asks and why"):
        Asking(who, why, NOW)
    with pytest.raises(InputError, match="zone"):
        Asking("a", "b", datetime(2026, 1, 1))
