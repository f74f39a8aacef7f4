"""The benchmark of scale, on a tiny log and on results made by hand."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.harness.page import filled, load
from benchmarks.speed import text
from benchmarks.speed.__main__ import PAGE, RESULTS, TABLES, main, scans
from benchmarks.speed.read import bare_read


def test_the_page_is_what_the_frozen_results_say():
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, TABLES, load(RESULTS)) == page


def test_every_column_is_read_lists_too(tmp_path):
    (tmp_path / "exchanges").mkdir()
    rows = pa.table({"ts": [1, 2], "phrases": [[1], []], "model": ["m", None]})
    pq.write_table(rows, tmp_path / "exchanges" / "day.parquet")
    assert bare_read(tmp_path) > 0


def test_a_row_gives_rates_and_the_ratio_to_the_bare_read():
    usage = {"wall_s": 10.0, "cpu_s": 5.0, "peak_rss": 2_000_000_000}
    row = scans([{
        "parameters": {"exchanges": 1_000_000, "accounts": 7}, "log_bytes": 45_000_000,
        "simulate": usage, "scan": usage, "read": {"seconds": 2.0},
    }]).splitlines()[-1]  # fmt: skip
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "1,000,000",
        "7",
        "45.0",
        "100,000 (200,000)",
        "2.0",
        "2.0",
        "10 (5)",
        "5",
        "2.0",
    ]


def test_without_the_others_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(text, "OTHERS", ("no_such_library",))
    words = ["speed", "--work", str(tmp_path), "--size", "--corpora", str(tmp_path)]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit):
        main()
    assert "pip install datasketch rensa" in capsys.readouterr().err
