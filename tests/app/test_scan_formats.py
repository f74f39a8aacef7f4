"""A scan of a foreign log finds what a scan of the same rows in the contract's form finds."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from tests.conftest import is_campaign

from iolaus.app.progress import TerminalReporter
from iolaus.app.scan import scan
from iolaus.app.settings import load
from iolaus.core.tables import EXCHANGES

pytestmark = pytest.mark.slow  # two scans each
Row = dict[str, Any]
ARN = "arn:aws:iam::123456789012:user/gateway"


def litellm(row: Row) -> Row:
    """As LiteLLM's callbacks get it (tests/logs/fixtures/litellm)."""
    said = [("system", row["system_prompt"]), ("user", row["prompt"])]
    return {
        "litellm_call_id": row["exchange_id"],
        "call_type": "acompletion",
        "status": "success",
        "startTime": row["ts"].timestamp(),
        "model_group": row["model"],
        "model_parameters": {},
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "total_tokens": row["input_tokens"] + row["output_tokens"],
        "messages": [{"role": role, "content": text} for role, text in said if text is not None],
        "metadata": {"user_api_key_user_id": row["account_id"], "user_agent": row["user_agent"]},
        "requester_ip_address": row["client_ip"],
    }


def bedrock(row: Row) -> Row:
    """As Bedrock writes a call of Converse (tests/logs/fixtures/bedrock)."""
    body: Row = {"messages": [{"role": "user", "content": [{"text": row["prompt"]}]}]}
    if row["system_prompt"] is not None:
        body["system"] = [{"text": row["system_prompt"]}]
    return {
        "schemaType": "ModelInvocationLog",
        "timestamp": row["ts"].astimezone(UTC).isoformat(),
        "requestId": row["exchange_id"],
        "operation": "Converse",
        "modelId": row["model"],
        "identity": {"arn": ARN},
        "requestMetadata": {"customer": row["account_id"]},
        "input": {"inputBodyJson": body, "inputTokenCount": row["input_tokens"]},
        "output": {"outputBodyJson": {}, "outputTokenCount": row["output_tokens"]},
    }


ALWAYS = ("exchange_id", "ts", "account_id", "model", "status", "input_tokens", "output_tokens")
TEXTS = ("system_prompt", "prompt")
WAYS = {
    "litellm": (litellm, (*ALWAYS, *TEXTS, "client_ip", "user_agent"), {}, ""),
    "bedrock": (
        bedrock,
        (*ALWAYS, *TEXTS),
        {"api_key_id": ARN, "stream": False},
        '[exchanges]\naccount_id = "requestMetadata.customer"\n',
    ),
}


def found(log: Path, out: Path) -> list[list[Row]]:
    """All that a scan says, but for where it was said."""
    with TerminalReporter() as report:
        scan(log, out, load(None), memory="1GB", threads=1, keep_stages=False, report=report)
    names = ("campaigns", "members", "evidence")
    return [pq.read_table(out / f"{name}.parquet").to_pylist() for name in names]


def beside_accounts(planted: Path, root: Path) -> Path:
    (root / "exchanges").mkdir(parents=True)
    shutil.copy(planted / "accounts.parquet", root)
    return root


def check(own: list[list[Row]], foreign: list[list[Row]]) -> None:
    campaigns, members, _ = own
    raised = [c["campaign_id"] for c in campaigns if c["verdict"] == "distillation"]
    named = [m["account_id"] for m in members if m["campaign_id"] in raised]
    assert len(raised) == 1 and sum(map(is_campaign, named)) >= 50  # of 60: worth comparing
    assert foreign == own


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_known_format(way: str, planted_log: Path, tmp_path: Path) -> None:
    write: Callable[[Row], Row]
    write, columns, constants, mapping = WAYS[way]
    planted = pq.read_table(planted_log / "exchanges/part-0.parquet")
    kept = planted.select(columns)
    for name, value in constants.items():
        kept = kept.append_column(
            EXCHANGES.field(name),
            pa.repeat(pa.scalar(value), len(kept)).cast(EXCHANGES.field(name).type),
        )
    own = beside_accounts(planted_log, tmp_path / "own")
    pq.write_table(kept, own / "exchanges/a.parquet")
    foreign = beside_accounts(planted_log, tmp_path / "foreign")
    lines = (json.dumps(write(row)) for row in planted.to_pylist())
    (foreign / "exchanges/a.jsonl").write_text("\n".join(lines))
    (foreign / "mapping.toml").write_text(mapping)
    check(found(own, tmp_path / "own-out"), found(foreign, tmp_path / "foreign-out"))


def test_csv_under_other_names(planted_log: Path, tmp_path: Path) -> None:
    planted = pq.read_table(planted_log / "exchanges/part-0.parquet")
    names = [f"x {name}" for name in planted.column_names]
    foreign = beside_accounts(planted_log, tmp_path / "foreign")
    pc.write_csv(planted.rename_columns(names), foreign / "exchanges/a.csv")
    lines = [f'{name} = "x {name}"' for name in planted.column_names]
    (foreign / "mapping.toml").write_text("\n".join(["[exchanges]", *lines]))
    check(found(planted_log, tmp_path / "own-out"), found(foreign, tmp_path / "foreign-out"))
