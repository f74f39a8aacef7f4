"""The readers' benchmark: its page is what its frozen results say, and its logs are read whole."""

import json
import sys
from pathlib import Path

import pytest
from benchmarks.harness.page import filled, load
from benchmarks.harness.tables import provenance
from benchmarks.readers import __main__ as readers
from benchmarks.readers import lacking, speed


def test_the_page_is_what_the_results_say():
    text = readers.PAGE.read_text(encoding="utf-8")
    tables = {"lacks": readers.lacks, "speed": readers.speed, "provenance": provenance}
    assert filled(text, tables, load(readers.RESULTS)) == text


@pytest.mark.parametrize("name", readers.FORMATS)
def test_every_format_is_written_and_read_as_itself(name, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "ROWS", 40)
    monkeypatch.setattr(sys, "argv", ["speed", name, str(tmp_path)])
    speed.main()
    found = json.loads(capsys.readouterr().out)
    assert found["format"] == ("jsonl" if name == "json_array" else name)
    assert found["rows"] == 40 and found["kept"] >= 20


def test_the_sets_of_columns_are_the_contract_s():
    used = {name for pair in readers.LACKS.values() for name in pair if name}
    assert used <= set(lacking.SETS)
    for columns, _ in lacking.SETS.values():
        assert lacking.ALL >= columns >= {"exchange_id", "ts", "account_id", "model"}
