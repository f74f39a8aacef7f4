"""`iolaus map` on the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from iolaus.app.cli import app
from iolaus.core.errors import ConfigError


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log/exchanges").mkdir(parents=True)
    row = '{"id": "x", "time": "2026-03-01T12:00:00Z", "user_id": "u", "model": "m"}\n'
    (tmp_path / "log/exchanges/a.jsonl").write_text(row)
    return tmp_path / "log"


def test_prints_a_proposal(log: Path) -> None:
    result = CliRunner().invoke(app, ["map", str(log)])
    assert result.exit_code == 0
    assert 'account_id = "user_id"' in result.stdout
    assert not (log / "mapping.toml").exists()


def test_writes_it_and_never_over_another(log: Path) -> None:
    out = log / "mapping.toml"
    assert CliRunner().invoke(app, ["map", str(log), "--out", str(out)]).exit_code == 0
    written = out.read_text()
    assert 'ts = "time"' in written
    again = CliRunner().invoke(app, ["map", str(log), "--out", str(out)])
    assert isinstance(again.exception, ConfigError)
    assert out.read_text() == written
