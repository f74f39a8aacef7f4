"""python -m benchmarks.readers --corpora DIR [--work DIR] | --speed | --page"""

import argparse
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, freeze, frozen
from benchmarks.harness.page import Result, rewrite
from benchmarks.harness.tables import NOT_YET, provenance, table
from benchmarks.harness.world import World, make_world

RESULTS = Path(__file__).with_name("results")
PAGE = origin.ROOT / "docs" / "reading-logs.md"
FORMATS = {
    "jsonl": "the contract's columns, JSON lines",
    "json_array": "the same, one array over many lines",
    "csv": "the same, CSV of 26 columns",
    "envoy": "Envoy access log",
    "langfuse": "Langfuse",
    "litellm_spend_logs": "LiteLLM_SpendLogs",
    "bedrock": "Amazon Bedrock",
    "litellm": "LiteLLM payloads",
}
WORLDS = tuple(World("long", seed, 800, 40, 70_000) for seed in (3, 4))
# label: set of columns with texts, and without (lacking.SETS)
LACKS = {
    "the whole contract, with accounts": ("contract", "contract, no texts"),
    "the whole contract, without accounts": ("contract, no accounts", None),
    "Envoy with JA4, with accounts": (None, "envoy, accounts"),
    "Envoy with JA4, without": (None, "envoy"),
    "LiteLLM, with accounts": (None, "litellm, no texts, accounts"),
    "LiteLLM, without": ("litellm", "litellm, no texts"),
    "Azure API Management": ("azure", "azure, no texts"),
    "Amazon Bedrock": ("bedrock", "bedrock, no texts"),
    "Langfuse": ("langfuse", "langfuse, no texts"),
    "Cloudflare AI Gateway": ("cloudflare", "cloudflare, no texts"),
}


@dataclass(frozen=True)
class Cell:
    """The speed of one format, or what one world's scans lose with columns."""

    name: str
    given: tuple[tuple[str, Any], ...]

    def parameters(self) -> dict[str, Any]:
        return dict(self.given)


def main() -> None:
    """Measure what is not frozen for the last commit of the package, then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers")
    parser.add_argument("--corpora", type=Path, help="for the worlds (docs/worlds.md)")
    parser.add_argument("--work", type=Path, default=Path("/tmp/iolaus-benchmarks"))
    parser.add_argument("--speed", action="store_true", help="without the worlds")
    parser.add_argument("--page", action="store_true", help="only write docs/reading-logs.md")
    options = parser.parse_args()
    if not (options.page or options.speed or options.corpora):
        parser.error("--corpora is needed, or --speed or --page alone")
    if not options.page:
        bench = Bench.at(options.work, options.corpora, RESULTS)
        speeds(bench)
        if not options.speed:
            worlds(bench)
    rewrite(PAGE, {"lacks": lacks, "speed": speed, "provenance": provenance}, RESULTS)


def speeds(bench: Bench) -> None:
    """Run and freeze; about 20 s a format."""
    for name in FORMATS:
        cell = Cell(f"speed-{name}", (("format", name),))
        freeze(bench, cell, partial(asked, bench, cell, "benchmarks.readers.speed", name))


def worlds(bench: Bench) -> None:
    """Run and freeze; about 3 minutes a world."""
    for world in WORLDS:
        cell = Cell(f"lacks-{world.name}", tuple(world.parameters().items()))
        if not frozen(bench, cell):
            at = str(make_world(bench, world))
            freeze(bench, cell, partial(asked, bench, cell, "benchmarks.readers.lacking", at))


def asked(bench: Bench, cell: Cell, *command: str) -> dict[str, Any]:
    """What a module says that prints JSON, run in a directory of its own."""
    folder = bench.work / "readers" / cell.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = bench.asked(*command, str(folder))
    shutil.rmtree(folder)
    return {"measured": found}


def speed(found: list[Result]) -> str:
    """Rows per CPU second, megabytes per CPU second, and memory."""
    measured = {
        result["parameters"]["format"]: result["measured"]
        for result in found
        if "format" in result["parameters"]
    }
    rows = [
        [
            said,
            f"{m['bytes'] / m['rows']:,.0f}",
            f"{m['rows'] / m['cpu_s']:,.0f}",
            f"{m['bytes'] / m['cpu_s'] / 1e6:,.0f}",
            f"{m['peak_rss'] / 1e6:,.0f}",
        ]
        for name, said in FORMATS.items()
        if (m := measured.get(name))
    ]
    head = ["format", "bytes a row", "rows per CPU second", "MB per CPU second", "peak memory, MB"]
    return table(head, rows) if rows else NOT_YET


def lacks(found: list[Result]) -> str:
    """Campaign accounts found in each world, with texts and without."""
    worlds = [result["measured"] for result in found if "family" in result["parameters"]]
    if not worlds:
        return NOT_YET

    def cell(name: str | None) -> str:
        if name is None:
            return ""
        return ", ".join(f"{world[name]['recall'][0]}" for world in worlds)

    of = ", ".join(f"{world['contract']['recall'][1]}" for world in worlds)
    rows = [[label, cell(full), cell(bare)] for label, (full, bare) in LACKS.items()]
    return table(["columns of", f"with texts (of {of})", "without texts"], rows)


if __name__ == "__main__":
    main()
