import re
import shlex

import pyarrow.parquet as pq
import pytest
import typer
from tests.docs import readme
from tests.docs.readme import ROOT

from iolaus.app import settings
from iolaus.app.cli import app
from iolaus.app.progress import silent
from iolaus.app.scan import scan
from iolaus.core.tables import FAMILIES

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix()
)
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def parse(line: str) -> None:
    """Parse a command line without running it; click raises on anything unknown or missing."""
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app).commands[words[0]]
    command.make_context(words[0], words[1:])


def test_the_readme_shows_every_command_that_users_need():
    shown = {line.split()[1] for line in readme.commands("iolaus")}
    assert {"scan", "replay", "simulate", "score"} <= shown
    assert {line.split()[1] for line in readme.commands("make")} >= {"demo", "test"}


@pytest.mark.parametrize("line", readme.commands("iolaus"))
def test_the_readme_s_commands_and_options_exist(line):
    parse(line)


@pytest.mark.parametrize(
    "line", ["iolaus scan my-log", "iolaus scan my-log --out r --speed 9", "iolaus score world"]
)
def test_a_command_line_that_is_wrong_does_not_parse(line):
    with pytest.raises(Exception, match=r"(?i)missing|no such option"):
        parse(line)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "AGENTS.md", ".ci/run"])
def test_every_make_target_that_is_named_exists(name):
    targets = re.findall(r"^([\w$(){}.]+):", page("Makefile"), re.MULTILINE)
    named = re.findall(r"(?:^|`|&& )\s*make ([a-z]+)", page(name), re.MULTILINE)
    assert named
    assert set(named) <= set(targets)


def test_the_readme_s_example_log_is_scanned(tmp_path):
    readme.write_example(tmp_path)
    result = scan(
        tmp_path / "my-log",
        tmp_path / "results",
        settings.Settings(),
        memory="1GB",
        threads=1,
        keep_stages=True,
        report=silent,
    )
    assert result.campaigns.num_rows == 0
    features = (tmp_path / "results" / "stages" / "features").glob("*/day=*.parquet")
    assert sum(pq.read_metadata(file).num_rows for file in features) == 3
    accounts = pq.read_table(tmp_path / "results" / "stages" / "accounts.parquet")
    assert accounts["payment_fingerprint"].to_pylist() == ["c-71", "c-88"]
    assert pq.read_metadata(tmp_path / "results" / "rejects.parquet").num_rows == 0


def test_the_files_that_the_readme_promises_are_written(planted_log, tmp_path):
    scan(
        planted_log,
        tmp_path,
        settings.Settings(),
        memory="1GB",
        threads=2,
        keep_stages=True,
        report=silent,
    )
    promised = set(re.findall(r"^\| `([\w.]+)` \|", page("README.md"), re.MULTILINE))
    written = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert written == promised
    _stages_are_documented(tmp_path / "stages")


def _stages_are_documented(stages):
    text = page("docs/how-it-works.md")
    known = set(re.findall(r"`(\w+)`", text)) | {f"tokens_{family}" for family in FAMILIES}
    by_day = {path.parent.name for path in stages.glob("*/day=*.parquet")}
    for name in by_day | {path.stem for path in stages.glob("*.parquet")}:
        assert re.sub(r"\d{8}", "YYYYMMDD", name) in known, name
    row = next(line for line in text.splitlines() if line.startswith("| `profiles`"))
    profiles = next((stages / "profiles").glob("day=*.parquet"))
    for column in pq.read_schema(profiles).names:
        name = re.sub(r"^(capability|hour)_\d+$", r"\1_0", column)
        assert re.search(rf"\b{name}\b", row), column


def test_the_settings_that_are_documented_are_the_defaults(tmp_path):
    (toml,) = readme.blocks(page("docs/operating.md"), "toml")
    path = tmp_path / "settings.toml"
    path.write_text(toml, encoding="utf-8")
    assert settings.load(path) == settings.Settings()
    assert set(settings.Settings().as_dict()) == set(re.findall(r"^(\w+) =", toml, re.MULTILINE))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_decisions_are_numbered_dated_and_short():
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: "), path.name
        assert re.search(r"^\d{4}-\d\d-\d\d, (accepted|superseded by \d{4})$", text, re.M)
        assert len(text.splitlines()) <= 45, path.name  # one page


def test_the_report_s_picture_says_in_words_what_it_shows():
    (alt,) = re.findall(r"!\[([^\]]+)\]\(docs/pictures/report\.png\)", page("README.md"))
    assert len(alt.split()) >= 10
