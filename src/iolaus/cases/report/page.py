"""Templates, style and script of the package -> one page: no part of it from anywhere else."""

import base64
import hashlib
from importlib.resources import files
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from iolaus.cases.report import words
from iolaus.cases.report.escape import PROMPT_CHARS, PROSE_CHARS, data

TEMPLATES: Final = ("report", "campaign", "parts")
FILTERS: Final = (
    "people", "number", "probability", "share", "moment", "day", "verdict", "signed_bits", "headed",
)  # fmt: skip


def page(**values: Any) -> str:
    """The page as text, from the names that report.html.j2 prints; an unknown one is an error."""
    style, script = _package_text("style.css"), _package_text("script.js")
    return (
        _environment()
        .get_template("report")
        .render(style=Markup(style), script=Markup(script), policy=_policy(style, script), **values)
    )


def _policy(style: str, script: str) -> str:
    """Nothing loads, nothing is sent, and only the two inline blocks with these digests run."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _package_text(name: str) -> str:
    return files("iolaus.cases.report").joinpath(name).read_text(encoding="utf-8")


def _environment() -> Environment:
    """Autoescape on; `data` isolates hostile text; an unknown name is an error, not a blank."""
    environment = Environment(
        loader=DictLoader({name: _package_text(f"{name}.html.j2") for name in TEMPLATES}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(words, name) for name in FILTERS})
    environment.filters["data"] = data
    environment.filters["prose"] = lambda text: data(text, PROSE_CHARS)
    environment.filters["prompt"] = lambda text: data(text, PROMPT_CHARS, keep_lines=True)
    environment.globals.update(counted=words.counted, span=words.span, window=words.window)
    return environment
