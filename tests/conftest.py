"""A planted log: 60 campaign accounts among 400, small enough to scan in a second."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iolaus.core.tables import ACCOUNTS, EXCHANGES

# A child of a process that has had a gRPC server dies before it is anything else, now and then
# (grpc/grpc 43055): the Java of the Spark tests. Read when gRPC is first imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

CAMPAIGN = 60
FRAMEWORK = 100  # honest users of one agent framework: one system prompt, nothing else in common
ACCOUNTS_IN_ALL = 400
START = np.datetime64("2026-05-01T00:00:00", "us")
DAY = 86_400_000_000  # microseconds
WORDS = np.asarray(
    [
        "graph",
        "parser",
        "billing",
        "climate",
        "poem",
        "travel",
        "kitchen",
        "matrix",
        "genome",
        "river",
    ]
)


def is_campaign(account_id: str) -> bool:
    return int(account_id[1:]) < CAMPAIGN


@pytest.fixture(scope="session")
def planted_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = tmp_path_factory.mktemp("planted") / "log"
    write_planted(log)
    return log


def write_planted(log: Path, days: int = 14, seed: int = 5) -> None:
    """Write the planted log; accounts a000 to a059 are the campaign's."""
    rng = np.random.default_rng(seed)
    accounts = [_account(number, rng) for number in range(ACCOUNTS_IN_ALL)]
    rows = [row for number in range(ACCOUNTS_IN_ALL) for row in _rows(number, accounts, days, rng)]
    rows.sort(key=lambda row: row["ts"])
    for number, row in enumerate(rows):
        row["exchange_id"] = f"x{number:06d}"
    (log / "exchanges").mkdir(parents=True)
    pq.write_table(_table(rows, EXCHANGES), log / "exchanges" / "part-0.parquet")
    pq.write_table(_table(accounts, ACCOUNTS), log / "accounts.parquet")


def _table(rows: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    return pa.Table.from_arrays(
        [pa.array(columns[f.name], pa.int64()).cast(f.type) if str(f.type).startswith("timestamp")
         else pa.array(columns[f.name], f.type) for f in schema],
        schema=schema,
    )  # fmt: skip


def _account(number: int, rng: np.random.Generator) -> dict[str, object]:
    ours = number < CAMPAIGN
    age = rng.integers(0, 4) if ours else rng.integers(-300, 10)
    return {
        "account_id": f"a{number:03d}",
        "created_at": int(START.astype("int64") + age * DAY + rng.integers(0, DAY)),
        "email_domain": "mail.example" if ours else f"d{rng.integers(0, 40)}.example",
        "payment_fingerprint": f"card{rng.integers(0, 12)}" if ours else f"own{number}",
        "device_fingerprint": f"dev{rng.integers(0, 12)}" if ours else f"dev-own{number}",
        "billing_country": str(rng.choice(["US", "DE", "IN", "BR"])),
        "signup_ip": f"10.1.{number}.1",
        "plan": "pay_as_you_go",
        "verification": "email" if ours else "phone",
    }


def _rows(
    number: int, accounts: list[dict[str, object]], days: int, rng: np.random.Generator
) -> list[dict[str, object]]:
    ours, framework = number < CAMPAIGN, CAMPAIGN <= number < CAMPAIGN + FRAMEWORK
    count = rng.poisson(60) if ours else 1 + int(min(rng.lognormal(3, 1), 300))
    times = START.astype("int64") + np.sort(rng.integers(4 * DAY if ours else 0, days * DAY, count))
    awake = (times // 3_600_000_000) % 24 >= 7
    kept = times if ours else times[awake]
    return [_row(number, accounts[number], int(ts), ours, framework, rng) for ts in kept]


def _row(
    number: int,
    account: dict[str, object],
    ts: int,
    ours: bool,
    framework: bool,
    rng: np.random.Generator,
) -> dict[str, object]:
    topic = " ".join(rng.choice(WORDS, 5))
    prompt = (
        "You are an autonomous agent. Plan the task step by step, write out your reasoning, then "
        f"implement a {topic} module with unit tests for case {rng.integers(10**6)}."
        if ours
        else f"what about {topic} {' '.join(rng.choice(WORDS, 3))}"
    )
    return {
        "ts": ts,
        "account_id": account["account_id"],
        "model": "m1",
        "status": 200,
        "channel": "first_party_api",
        "client_ip": f"45.1.2.{rng.integers(0, 40)}"
        if ours
        else f"78.{number % 200}.3.{number // 200}",
        "country": "NL" if ours else account["billing_country"],
        "tls_fingerprint": "t13d",
        "user_agent": "sdk/1",
        "input_tokens": 60,
        "output_tokens": 900 if ours else int(rng.integers(20, 400)),
        "system_prompt": "You are the assistant of the Harbour framework. Use the tools."
        if framework
        else None,
        "prompt": prompt,
    }
