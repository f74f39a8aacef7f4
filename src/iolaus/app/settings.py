"""Settings of a run: what a configuration file may say, checked."""

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from iolaus.core.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """Every setting changes the output of a run, so all of them stand in run.json.

    fdr: the share of false ones allowed among the campaigns raised, above 0 and below 1.
    seed: all randomness of a run comes from it.
    excerpts: prompts shown per campaign in report.html; 0 shows none.
    assume_utc: take times without a zone as UTC instead of refusing them.
    embeddings: a sentence-embedding model that says what prompts are about (docs/content.md): a
    path on this machine or an installed package that carries one; empty: the prompts' words.
    """

    fdr: float = 0.01
    seed: int = 0
    excerpts: int = 6
    assume_utc: bool = False
    embeddings: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def load(path: Path | None) -> Settings:
    """Read a TOML file's [scan] table; None: the defaults.

    Raises ConfigError for an unreadable file, an unknown name, a wrong type or a bad range.
    """
    if path is None:
        return Settings()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"cannot be read: {error}.", where=str(path), next_step="It must be a TOML file."
        ) from error
    unknown = sorted(set(document) - {"scan"})
    if unknown:
        raise ConfigError(
            f"unknown table [{unknown[0]}].", where=str(path), next_step="There is [scan]."
        )
    return _checked(document.get("scan", {}), str(path))


def _checked(given: dict[str, object], where: str) -> Settings:
    known = {field.name: field.type for field in fields(Settings)}
    for name, value in given.items():
        if name not in known:
            raise ConfigError(
                f"unknown setting '{name}' in [scan].",
                where=where,
                next_step=f"There are: {', '.join(known)}.",
            )
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
