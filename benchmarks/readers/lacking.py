"""python -m benchmarks.readers.lacking WORLD DIR: scans a world's log with columns removed, as each
format lacks them; prints JSON: per set of columns, recall, precision and the detectors not run.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from iolaus.app.progress import TerminalReporter
from iolaus.app.scan import scan
from iolaus.app.settings import load
from iolaus.core.tables import EXCHANGES, TEXT_COLUMNS
from iolaus.worlds import score

ALL = frozenset(EXCHANGES.names)
TEXTS = frozenset(TEXT_COLUMNS)
NETWORK = frozenset(("client_ip", "asn", "country", "tls_fingerprint", "user_agent"))
BEDROCK = ALL - NETWORK - {"organization_id", "conversation_id", "channel", "choice_count"}
LANGFUSE = ALL - NETWORK - {"organization_id", "api_key_id", "channel", "status", "tool_count"}
LITELLM = ALL - {"asn", "country", "tls_fingerprint", "channel"}
NEVER_KNOWN = {"asn", "reasoning_tokens", "max_output_tokens", "temperature", "choice_count"}
ENVOY = ALL - TEXTS - NEVER_KNOWN - {"channel", "stream", "tool_count", "country"}
AZURE = ALL - (NETWORK - {"client_ip", "user_agent"}) - NEVER_KNOWN - {"channel", "tool_count"}
CLOUDFLARE = ALL - NETWORK - {"organization_id", "api_key_id", "channel", "conversation_id"}
# name: (columns, whether there are accounts)
SETS: dict[str, tuple[frozenset[str], bool]] = {
    "contract": (ALL, True),
    "contract, no texts": (ALL - TEXTS, True),
    "contract, no accounts": (ALL, False),
    "bedrock": (BEDROCK, False),
    "bedrock, no texts": (BEDROCK - TEXTS, False),
    "langfuse": (LANGFUSE, False),
    "langfuse, no texts": (LANGFUSE - TEXTS, False),
    "litellm": (LITELLM, False),
    "litellm, no texts": (LITELLM - TEXTS, False),
    "litellm, no texts, accounts": (LITELLM - TEXTS, True),
    "envoy": (ENVOY, False),
    "envoy, accounts": (ENVOY, True),
    "azure": (AZURE, False),
    "azure, no texts": (AZURE - TEXTS, False),
    "cloudflare": (CLOUDFLARE, False),
    "cloudflare, no texts": (CLOUDFLARE - TEXTS, False),
}


def lacking(world: Path, to: Path, columns: frozenset[str], *, accounts: bool) -> Path:
    """The world's log with these columns alone."""
    shutil.rmtree(to, ignore_errors=True)
    (to / "exchanges").mkdir(parents=True)
    for path in sorted((world / "log" / "exchanges").rglob("*.parquet")):
        table = pq.read_table(path)
        kept = [name for name in table.column_names if name in columns]
        pq.write_table(table.select(kept), to / "exchanges" / path.name)
    for path in (world / "log").glob("*.parquet"):
        if accounts or path.stem != "accounts":
            shutil.copy(path, to)
    return to


def measured(world: Path, work: Path, columns: frozenset[str], *, accounts: bool) -> dict[str, Any]:
    log, out = lacking(world, work / "log", columns, accounts=accounts), work / "out"
    shutil.rmtree(out, ignore_errors=True)
    with TerminalReporter() as report:
        scan(log, out, load(None), memory="2GB", threads=2, keep_stages=False, report=report)
    found = score(world / "truth", out)
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    return {
        "recall": [found.recall.hits, found.recall.of],
        "precision": [found.precision.hits, found.precision.of],
        "not_run": sorted(detector["detector"] for detector in run["detectors_not_run"]),
    }


def main() -> None:
    world, work = Path(sys.argv[1]), Path(sys.argv[2])
    found = {
        name: measured(world, work, columns, accounts=accounts)
        for name, (columns, accounts) in SETS.items()
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
