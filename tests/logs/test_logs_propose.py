"""`iolaus map`: the proposal fits the log, can be read back, and says what is uncertain."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iolaus.core.errors import InputError
from iolaus.logs import open_log
from iolaus.logs.mapping import save
from iolaus.logs.propose import propose
from iolaus.logs.sample import shapes_of

FIXTURES = Path(__file__).parent / "fixtures"


def records(count: int = 30) -> list[dict[str, Any]]:
    return [
        {
            "requestId": f"r{i}",
            "when": 1772366400000 + i,
            "caller": {"customer_id": i % 7 + 1, "address": f"198.51.100.{i}"},
            "engine": "gpt-4o",
            "usage": {"prompt_tokens": "12", "completion_tokens": 5},
            "client": "OpenAI/Python 2.0",
            "question": "my secret words",
        }
        for i in range(count)
    ]


def write(root: Path, name: str, data: Any) -> Path:
    path = root / "log/exchanges" / name
    path.parent.mkdir(parents=True)
    if isinstance(data, pa.Table):
        pq.write_table(data, path)
    else:
        path.write_text(data)
    return root / "log"


def applied(root: Path, text: str) -> list[dict[str, Any]]:
    """The log's rows under a proposal."""
    save(text, root / "mapping.toml")
    return pa.Table.from_batches(open_log(root).batches()).to_pylist()


def test_a_proposal_for_json_can_be_used(tmp_path: Path) -> None:
    root = write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, records())))
    text = propose(root)
    lines = [line.replace(" % filled, ", "/") for line in text.splitlines()]
    assert lines[2:] == [
        'exchange_id = "requestId"  # 100/30 different',
        'ts = { from = "when", unit = "ms" }  # 100/30 different; unsure: see what it holds',
        'account_id = { from = "caller.customer_id", type = "integer" }  # 100/7 different',
        'model = "engine"  # 100/1 different',
        'client_ip = "caller.address"  # 100/30 different; unsure: see what it holds',
        'user_agent = "client"  # 100/1 different; unsure: see what it holds',
        'input_tokens = { from = "usage.prompt_tokens", type = "text" }  # 100/1 different',
        'output_tokens = "usage.completion_tokens"  # 100/1 different',
        'prompt = "question"  # 100/1 different',
    ]
    row = applied(root, text)[3]
    assert (row["exchange_id"], row["account_id"], row["input_tokens"]) == ("r3", "4", 12)
    assert (row["ts"].isoformat(), row["client_ip"]) == (
        "2026-03-01T12:00:00.003000+00:00",
        "198.51.100.3",
    )


def test_values_are_never_repeated(tmp_path: Path) -> None:
    root = write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, records())))
    text = propose(root)
    assert not any(value in text for value in ("secret", "198.51", "gpt-4o", "OpenAI"))


def test_a_proposal_for_csv_asks_for_the_zone(tmp_path: Path) -> None:
    lines = [f"r{i},2026-03-01 12:00:{i:02d},c{i % 5},claude-x,{i},200" for i in range(40)]
    text = "Request ID,Date,Customer,Model,Prompt Tokens,Code\n" + "\n".join(lines)
    root = write(tmp_path, "a.csv", text)
    proposal = propose(root)
    assert 'ts = { from = "Date", zone = "UTC" }' in proposal
    assert "unsure: its times have no zone; is it UTC?" in proposal
    row = applied(root, proposal)[7]
    assert (row["account_id"], row["input_tokens"], row["status"]) == ("c2", 7, 200)


def test_a_proposal_for_parquet(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([{**r, "usage": {"prompt_tokens": 3}} for r in records()])
    root = write(tmp_path, "a.parquet", table)
    proposal = propose(root)
    assert 'account_id = { from = "caller.customer_id", type = "integer" }' in proposal
    assert applied(root, proposal)[0]["input_tokens"] == 3


def test_two_fields_that_both_look_right(tmp_path: Path) -> None:
    rows = [r | {"tenant_id": f"t{i}"} for i, r in enumerate(records())]
    proposal = propose(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows))))
    assert 'account_id = "tenant_id"' in proposal
    assert "unsure: it could be caller.customer_id" in proposal


def test_a_required_column_that_nothing_fits(tmp_path: Path) -> None:
    rows = [{"requestId": f"r{i}", "number": 1.5} for i in range(9)]
    proposal = propose(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows))))
    assert '# ts = "?"  # required: name a field; none fits' in proposal
    assert '# model = "?"  # required: name a field; the values of requestId would fit' in proposal
    assert "# Not used: number." in proposal


def test_known_formats_need_a_mapping_only_for_who_calls() -> None:
    for name, text in (
        ("litellm", "metadata.user_api_key_user_id"),
        ("bedrock", "requestMetadata"),
    ):
        folder = FIXTURES / name
        assert f'format = "{name}"' in _of(folder) and text in _of(folder)


def _of(folder: Path) -> str:
    """The proposal for a fixture, through a log that links to it."""
    import tempfile

    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "exchanges").mkdir()
        for path in folder.glob("*.jsonl"):
            (Path(root) / "exchanges" / path.name).symlink_to(path)
        return propose(Path(root))


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such directory"):
        propose(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("value", "shape", "has"),
    [
        ("2026-03-01T12:00:00Z", "zoned", True),
        ("2026-03-01 12:00:00", "zoned", False),
        ("2026-03-01 12:00:00", "time", True),
        (1772366400, "epoch s", True),
        ("1772366400123", "epoch ms", True),
        (1772366400123456789, "epoch ns", True),
        (200, "epoch s", False),
        (7.0, "whole", True),
        (7.5, "whole", False),
        ("2001:db8::1", "address", True),
        ("198.51.100.1, 10.0.0.1", "address", True),
        ("1.2.3", "address", False),
        ("anthropic.claude-x-v1:0", "model", True),
        ("a claude fan", "model", False),
        ("t13d1516h2_8daaf6152771_b186095e22b6", "ja4", True),
        ("Mozilla/5.0 (X11)", "agent", True),
        ("yes", "boolean text", True),
        ("x" * 300, "long", True),
    ],
)
def test_shapes(value: Any, shape: str, has: bool) -> None:
    assert (shape in set(shapes_of(value))) == has


KEY = st.text(max_size=6)
VALUE = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
RECORD = st.dictionaries(KEY, VALUE | st.dictionaries(KEY, VALUE, max_size=3), max_size=5)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(RECORD, min_size=1, max_size=5), csv=st.booleans())
def test_any_log_gives_a_mapping_that_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], csv: bool
) -> None:
    root = tmp_path_factory.mktemp("any")
    encoded = [json.dumps(row).encode("utf-8", "replace") for row in rows]
    text = b"\n".join(encoded).decode("utf-8", "replace")
    if csv:
        names = ",".join('"' + key.replace('"', '""') + '"' for key in rows[0]) or "x"
        text = f"{names}\n{text}"
    log = write(root, "a.csv" if csv else "a.jsonl", text)
    try:
        proposal = propose(log)
    except InputError:
        assert csv  # a first line that is no header
        return
    save(proposal, log / "mapping.toml")
