"""A small store of three days and four accounts, with results that name them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from store_rows import DAYS, NOW, exchanges, put

from iolaus.core.tables import ACCOUNTS, CAMPAIGNS, ENFORCEMENT, MEMBERS
from iolaus.logs.privacy import AccessLog, Keys, add_key, read_keys, seal, without_text


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    add_key(tmp_path / "keys")
    return read_keys(tmp_path / "keys")


@pytest.fixture
def access(tmp_path: Path) -> AccessLog:
    return AccessLog(tmp_path / "access.jsonl")


Write = Callable[[str], Path]


@pytest.fixture
def store(tmp_path: Path, keys: Keys) -> Write:
    """Write a store under one of the policies for text."""

    def write(text: str = "encrypt") -> Path:
        root = tmp_path / "store"
        for day in DAYS:
            table = exchanges(day)
            batch = table.combine_chunks().to_batches()[0]
            put(table if text == "keep" else pa.Table.from_batches([without_text(batch)]),
                root / "exchanges" / f"day={day}" / "part-0.parquet")  # fmt: skip
            if text == "encrypt":
                put(seal(batch, keys, day), root / "texts" / f"day={day}" / "part-0.parquet")
        accounts: list[dict[str, Any]] = [
            {"account_id": f"acct{n}", "email_domain": "x.example"} for n in range(4)
        ]
        put(pa.Table.from_pylist(accounts, schema=ACCOUNTS), root / "accounts.parquet")
        banned = {"account_id": "acct1", "at": NOW, "action": "ban"}
        put(pa.Table.from_pylist([banned], schema=ENFORCEMENT), root / "enforcement.parquet")
        return root

    return write


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """One campaign of a0, a1 and a2, as a scan writes it."""
    out = tmp_path / "results"
    members = [
        {"campaign_id": "c-1", "account_id": f"acct{n}", "probability": 0.9, "exchanges": 6}
        for n in range(3)
    ]
    campaign = {"campaign_id": "c-1", "verdict": "distillation", "accounts": 3, "exchanges": 18}
    put(pa.Table.from_pylist(members, schema=MEMBERS), out / "members.parquet")
    put(pa.Table.from_pylist([campaign], schema=CAMPAIGNS), out / "campaigns.parquet")
    (out / "report.html").write_text("<p>acct1</p>")
    (out / "stages").mkdir()
    return out
