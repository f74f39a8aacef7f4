"""Real prompts with labels: read where the user has them, never shipped.

Two kinds of label. `source`: what the corpus itself says of the prompt. `hand`: labels.csv, by
file, line (0-based) and SHA-256 of the prompt, so that a changed file is noticed, not misread.
"""

import csv
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

LABELS = Path(__file__).with_name("labels.csv")
HELD_OUT = 8  # first hex digit of the prompt's SHA-256: 0 to 7 development, 8 to f held out


class Labelled(NamedTuple):
    """One prompt; `labels` are all that fit, the first the best."""

    source: str
    text: str
    labels: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        return int(hashlib.sha256(self.text.encode()).hexdigest()[0], 16) >= HELD_OUT


def prompt_of(row: dict[str, str]) -> str:
    """The prompt as it would be sent; Alpaca rows carry their input on the next line."""
    if "instruction" in row:
        return row["instruction"] + ("\n" + row["input"] if row.get("input") else "")
    return row.get("prompt") or row["question"]


def json_lines(path: Path) -> dict[int, str]:
    """Prompts by line; lines that are no JSON are left out."""
    prompts = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            try:
                prompts[number] = prompt_of(json.loads(line))
            except ValueError:
                continue
    return prompts


def hand_labelled(corpora: Path) -> list[Labelled]:
    """Rows of labels.csv whose prompt is still the one that was labelled."""
    files: dict[str, dict[int, str]] = {}
    rows = []
    with LABELS.open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            name = row["file"]
            prompts = files.setdefault(name, json_lines(corpora / name))
            text = prompts[int(row["line"])]
            if hashlib.sha256(text.encode()).hexdigest() != row["sha256"]:
                raise SystemExit(f"{name} line {row['line']} is not the prompt that was labelled")
            rows.append(Labelled("hand", text, tuple(row["labels"].split("+"))))
    return rows


def source_labelled(corpora: Path) -> list[Labelled]:
    """Prompts whose corpus says what they are. gsm8k asks sums, not for reasoning: ordinary."""
    rows = []
    for line in (corpora / "organic/arena_hard/v2_question.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        if row["subcategory"] == "coding":
            rows.append(Labelled("arena coding", row["prompt"], ("software_engineering",)))
    tools = json.loads((corpora / "distill/gpteacher/toolformer.json").read_text("utf-8"))
    rows += [Labelled("gpteacher tools", prompt_of(row), ("tool_use",)) for row in tools]
    with (corpora / "organic/banking77/test.csv").open(encoding="utf-8") as table:
        rows += [Labelled("banking77", r["text"], ("ordinary",)) for r in csv.DictReader(table)]
    for name, path in (
        ("nq_open", "organic/nq_open/NQ-open.dev.jsonl"),
        ("gsm8k", "bench/gsm8k/test.jsonl"),
    ):
        rows += [Labelled(name, t, ("ordinary",)) for t in json_lines(corpora / path).values()]
    return rows
