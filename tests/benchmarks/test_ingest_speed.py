"""The ingest benchmark: its page is what its frozen results say, and logs are stored whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.harness.page import filled, load
from benchmarks.harness.tables import provenance
from benchmarks.ingest import __main__ as page
from benchmarks.ingest import speed


def test_the_page_is_what_the_results_say():
    text = page.PAGE.read_text(encoding="utf-8")
    tables = {"speed": page.speed, "provenance": provenance}
    assert filled(text, tables, load(page.RESULTS)) == text


def test_every_kind_has_a_title():
    assert page.TITLES.keys() == speed.KINDS.keys()


@pytest.mark.parametrize("kind", speed.KINDS)
def test_every_kind_is_written_and_stored_whole(kind, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "ROWS", 120)
    monkeypatch.setattr(speed, "LOT", 40)
    monkeypatch.setattr(sys, "argv", ["speed", kind, str(tmp_path)])

    def here(command: list[str], *, check: bool) -> None:
        assert check and command[3:] == [kind, str(tmp_path), "write"]
        speed.write_log(tmp_path / "log", *speed.KINDS[kind][:2])

    monkeypatch.setattr(subprocess, "run", here)
    speed.main()
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == found["stored"] == 120
    assert (found["texts_bytes"] > 0) == (kind == "jsonl_sealed")
