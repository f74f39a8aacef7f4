"""The grammar's rules and word lists, read from phrases.toml."""

import tomllib
from importlib.resources import files
from typing import Any, Final

_DATA: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    files("iolaus.worlds").joinpath("phrases.toml").read_text(encoding="utf-8")
)
RULES: Final[dict[str, tuple[str, ...]]] = {k: tuple(v) for k, v in _DATA["rules"].items()}
WORDS: Final[list[str]] = _DATA["lists"]["words"]
FOLDERS: Final[list[str]] = _DATA["lists"]["folders"]
ENDINGS: Final[list[str]] = _DATA["lists"]["endings"]
POPULAR_PROMPTS: Final = tuple(_DATA["lists"]["popular_prompts"])
POPULAR_SYSTEMS: Final = tuple(_DATA["lists"]["popular_systems"])
