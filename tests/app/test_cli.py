import json

import pytest
from typer.testing import CliRunner

from iolaus.app.cli import app, main
from iolaus.app.forecast import forecast
from iolaus.core.errors import ConfigError
from iolaus.logs import open_log


def test_what_it_will_cost_is_said_first(planted_log, tmp_path):
    result = CliRunner().invoke(app, ["scan", str(planted_log), "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert result.stderr.strip().startswith(forecast(open_log(planted_log))[:20])
    assert "1 campaign of distillation" in result.stdout


def test_the_number_of_exchanges_of_json_lines_is_not_guessed(tmp_path):
    (tmp_path / "exchanges").mkdir()
    line = {"exchange_id": "1", "ts": "2026-05-01T00:00:00Z", "account_id": "a", "model": "m"}
    (tmp_path / "exchanges" / "a.jsonl").write_text(json.dumps(line))
    assert "known once the JSON lines are read" in forecast(open_log(tmp_path))


def test_rejected_rows_are_shown_by_cause(tmp_path):
    exchanges = tmp_path / "log" / "exchanges"
    exchanges.mkdir(parents=True)
    good = [
        {"exchange_id": str(i), "ts": "2026-05-01T00:00:00Z", "account_id": f"a{i}", "model": "m"}
        for i in range(3)
    ]
    bad = [good[0] | {"exchange_id": "9", "input_tokens": -4}, good[1]]
    lines = [json.dumps(row) for row in [*good, *bad]]
    (exchanges / "a.jsonl").write_text("\n".join(lines))
    arguments = ["scan", str(tmp_path / "log"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert "2 rows rejected (duplicate exchange_id 1, negative tokens 1)" in result.stdout


def test_an_error_is_one_line_and_status_2(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["iolaus", "scan", str(tmp_path / "none"), "--out", "x"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    shown = capsys.readouterr().err
    assert shown.count("iolaus:") == 1
    assert "Traceback" not in shown


@pytest.mark.parametrize("text", ["1", "0d", "one", "1h"])
def test_an_interval_that_is_no_number_of_days_is_refused(text, planted_log, tmp_path):
    arguments = ["replay", str(planted_log), "--out", str(tmp_path), "--every", text]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ConfigError)
