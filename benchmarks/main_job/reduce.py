"""A log without some of its columns: what a provider has who does not keep them."""

import os
from pathlib import Path

import pyarrow.parquet as pq

from .plan import WITHOUT


def reduced(log: Path, without: str, out: Path) -> None:
    """Write into `out` the log without what WITHOUT names. Files left as they are become links."""
    of_exchanges, of_accounts = WITHOUT[without]
    for file in sorted(log.rglob("*.parquet")):
        target = out / file.relative_to(log)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.parent.name == "exchanges":
            _without(file, of_exchanges, target)
        elif file.name != "accounts.parquet":
            os.link(file, target)
        elif of_accounts is not None:
            _without(file, of_accounts, target)


def _without(file: Path, columns: tuple[str, ...], target: Path) -> None:
    if not columns:
        os.link(file, target)
        return
    kept = [name for name in pq.read_schema(file).names if name not in columns]
    pq.write_table(pq.read_table(file, columns=kept), target, compression="zstd")
