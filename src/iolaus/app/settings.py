"""Settings of a run: what a configuration file may say, checked."""

import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from iolaus.core.errors import ConfigError
from iolaus.logs.enrichment import CsvFile, EnrichmentFiles
from iolaus.logs.privacy import POLICIES, PURPOSES, require_cryptography

ALL: Final = tuple(dict.fromkeys(PURPOSES.values()))  # what pseudonyms may stand for
TABLES: Final = ("scan", "enrichment", "privacy")


@dataclass(frozen=True)
class Settings:
    """Every setting changes the output of a run, so all of them stand in run.json.

    fdr: the share of false ones allowed among the campaigns raised, above 0 and below 1.
    seed: all randomness of a run comes from it.
    excerpts: prompts shown per campaign in report.html; 0 shows none.
    assume_utc: take times without a zone as UTC instead of refusing them.
    embeddings: a sentence-embedding model that says what prompts are about (docs/content.md): a
    path on this machine or an installed package that carries one; empty: the prompts' words.
    enrichment: the files of [enrichment] (docs/enrichment.md); none by default.
    """

    fdr: float = 0.01
    seed: int = 0
    excerpts: int = 6
    assume_utc: bool = False
    embeddings: str = ""
    enrichment: EnrichmentFiles = field(default_factory=EnrichmentFiles)

    def as_dict(self) -> dict[str, object]:
        """For run.json: plain values of [scan], and of [enrichment] what is named, if anything."""
        plain = asdict(self)
        files = {name: named for name, named in plain.pop("enrichment").items() if named}
        paths_as_text = json.loads(json.dumps(files, default=str))
        return plain | ({"enrichment": paths_as_text} if files else {})


def load(path: Path | None) -> Settings:
    """Read a TOML file's [scan] and [enrichment] tables; None: the defaults.

    Raises ConfigError for an unreadable file, an unknown name, a wrong type or a bad range.
    """
    if path is None:
        return Settings()
    document = _document(path)
    settings = _checked(document.get("scan", {}), str(path))
    if "privacy" in document:
        settings = _without_excerpts(settings, document.get("scan", {}), str(path))
    return replace(settings, enrichment=load_enrichment(path) or EnrichmentFiles())


def _without_excerpts(settings: Settings, given: dict[str, object], where: str) -> Settings:
    """Under [privacy] a report shows no prompts: they are read one by one, with who and why."""
    if given.get("excerpts", 0):
        raise ConfigError(
            f"'excerpts' = {settings.excerpts} in [scan] would show prompts to whoever opens a "
            "report, and there is a [privacy].",
            where=where,
            next_step="Leave it out, and read prompts with: iolaus privacy excerpts.",
        )
    return replace(settings, excerpts=0)


def load_enrichment(path: Path | None) -> EnrichmentFiles | None:
    """Read a TOML file's [enrichment] table (docs/enrichment.md); None: there is none.

    Paths are taken from the configuration file's directory. Whether the files are there is seen
    when they are compiled. Raises ConfigError as `load` does.
    """
    given = {} if path is None else _document(path).get("enrichment", {})
    if path is None or not given:
        return None
    known = [field.name for field in fields(EnrichmentFiles)]
    found: dict[str, tuple[Path | CsvFile, ...]] = {}
    for name, entries in given.items():
        if name not in known:
            raise _unknown(name, "enrichment", known, str(path))
        entries = entries if isinstance(entries, list) else [entries]
        read = _csv_file if name == "csv" else _file
        found[name] = tuple(read(entry, name, path) for entry in entries)
    return EnrichmentFiles(**found)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Privacy:
    """The [privacy] table (docs/privacy.md).

    keys: the key file, outside of log, store and results. pseudonyms: what is replaced, of `ALL`.
    text: 'drop' (after features), 'encrypt' or 'keep'. text_days: days that sealed texts are kept.
    keep_days: days that exchanges are kept; 0: until somebody deletes them.
    """

    keys: Path
    pseudonyms: tuple[str, ...] = ALL
    text: str = "drop"
    text_days: int = 30
    keep_days: int = 0


def load_privacy(path: Path | None) -> Privacy | None:
    """Read a TOML file's [privacy] table; None: there is none, and nothing is replaced.

    The key file's path is taken from the configuration file's directory; it is read by `read_keys`.
    Raises ConfigError as `load` does, and where text is to be encrypted without cryptography.
    """
    if path is None or "privacy" not in (document := _document(path)):
        return None
    given, where = dict(document["privacy"]), str(path)
    known = [field.name for field in fields(Privacy)]
    for name in given:
        if name not in known:
            raise _unknown(name, "privacy", known, where)
    if not isinstance(given.get("keys"), str):
        raise ConfigError(
            "'keys' is missing in [privacy].",
            where=where,
            next_step='Name the key file: keys = "/etc/iolaus/keys". '
            "Make it with: iolaus privacy new-key FILE.",
        )
    given["keys"] = path.parent / given["keys"]
    given["pseudonyms"] = _purposes(given.get("pseudonyms", list(ALL)), where)
    if given.get("text", "drop") not in POLICIES:
        raise ConfigError(
            f"'text' must be one of {', '.join(POLICIES)}, not {given['text']!r}.", where=where
        )
    for name in ("text_days", "keep_days"):
        if type(given.get(name, 0)) is not int or given.get(name, 0) < 0:
            raise ConfigError(f"'{name}' must be a number of days, 0 or more.", where=where)
    privacy = Privacy(**given)
    if privacy.text == "encrypt":
        require_cryptography()
    return privacy


def _purposes(given: object, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not set(map(str, given)) <= set(ALL):
        raise ConfigError(
            "'pseudonyms' must be a list of what is to be replaced.",
            where=where,
            next_step=f"There are: {', '.join(ALL)}. Leave it out for all of them.",
        )
    return tuple(map(str, given))


def _file(entry: object, name: str, config: Path) -> Path:
    if not isinstance(entry, str) or not entry:
        raise ConfigError(
            f"'{name}' in [enrichment] must be a list of paths.",
            where=str(config),
            next_step=f'Write {name} = ["FILE"].',
        )
    return config.parent / entry


def _csv_file(entry: object, name: str, config: Path) -> CsvFile:
    if not isinstance(entry, dict):
        return CsvFile(_file(entry, name, config))
    columns = entry.get("columns", [])
    texts = isinstance(columns, list) and all(isinstance(column, str) for column in columns)
    if set(entry) - {"path", "columns"} or not texts:
        raise ConfigError(
            "a table in 'csv' has a path and, where the file has no header, its columns.",
            where=str(config),
            next_step='Write csv = [{ path = "FILE", columns = ["start", "end", "asn"] }].',
        )
    return CsvFile(_file(entry.get("path"), name, config), tuple(columns))


def _document(path: Path) -> dict[str, dict[str, Any]]:
    """The file's tables. Raises ConfigError for an unreadable file or an unknown table."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"cannot be read: {error}.", where=str(path), next_step="It must be a TOML file."
        ) from error
    for name, table in document.items():
        if name not in TABLES or not isinstance(table, dict):
            raise ConfigError(
                f"unknown table [{name}].",
                where=str(path),
                next_step=f"There are: {', '.join(f'[{table}]' for table in TABLES)}.",
            )
    return document


def _unknown(name: str, table: str, known: Iterable[str], where: str) -> ConfigError:
    return ConfigError(
        f"unknown setting '{name}' in [{table}].",
        where=where,
        next_step=f"There are: {', '.join(known)}.",
    )


def _checked(given: dict[str, object], where: str) -> Settings:
    known = {field.name: field.type for field in fields(Settings) if field.name != "enrichment"}
    for name, value in given.items():
        if name not in known:
            raise _unknown(name, "scan", known, where)
        expected = type(getattr(Settings, name))
        if expected is float and type(value) is int:
            value = float(value)
        if type(value) is not expected:
            raise ConfigError(
                f"'{name}' must be of type {expected.__name__}, not {type(value).__name__}.",
                where=where,
            )
    settings = Settings(**given)  # type: ignore[arg-type]
    if not 0 < settings.fdr < 1:
        raise ConfigError(f"'fdr' must lie between 0 and 1, not {settings.fdr}.", where=where)
    if settings.excerpts < 0:
        raise ConfigError(f"'excerpts' must be 0 or more, not {settings.excerpts}.", where=where)
    return settings
