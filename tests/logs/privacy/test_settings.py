"""The [privacy] table of the configuration."""

from pathlib import Path

import pytest

from iolaus.app.settings import ALL, Privacy, load, load_privacy
from iolaus.core.errors import ConfigError


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "iolaus.toml"
    path.write_text(text)
    return path


def test_defaults_and_all_settings(tmp_path: Path) -> None:
    assert load_privacy(None) is None
    assert load_privacy(config(tmp_path, "[scan]")) is None
    short = load_privacy(config(tmp_path, "[privacy]\nkeys = '/etc/k'"))
    assert short == Privacy(Path("/etc/k"), ALL, "drop", 30, 0)
    text = "keys='k'\npseudonyms=['account', 'address']\ntext='keep'\ntext_days=3\nkeep_days=90"
    assert load_privacy(config(tmp_path, f"[privacy]\n{text}")) == Privacy(
        tmp_path / "k", ("account", "address"), "keep", 3, 90
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'keys' is missing"),
        ("keys = 3", "'keys' is missing"),
        ("keys = 'k'\ntext = 'sometimes'", "one of drop, encrypt, keep"),
        ("keys = 'k'\ntext_days = -1", "number of days"),
        ("keys = 'k'\nkeep_days = true", "number of days"),
        ("keys = 'k'\npseudonyms = ['shoe size']", "list of what is to be replaced"),
        ("keys = 'k'\npseudonyms = 'account'", "list of what is to be replaced"),
        ("keys = 'k'\nkey = 'k'", "unknown setting 'key'"),
    ],
)
def test_wrong_settings(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        load_privacy(config(tmp_path, f"[privacy]\n{text}"))


def test_reports_show_no_prompts_under_privacy(tmp_path: Path) -> None:
    assert load(config(tmp_path, "[scan]\n")).excerpts == 6
    assert load(config(tmp_path, "[scan]\n[privacy]\nkeys = 'k'")).excerpts == 0
    assert load(config(tmp_path, "[scan]\nexcerpts = 0\n[privacy]\nkeys = 'k'")).excerpts == 0
    with pytest.raises(ConfigError, match="iolaus privacy excerpts"):
        load(config(tmp_path, "[scan]\nexcerpts = 2\n[privacy]\nkeys = 'k'"))
