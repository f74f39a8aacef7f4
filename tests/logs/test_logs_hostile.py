"""Every reader on hostile input: never a crash, rows in = rows kept + rows rejected, always."""

import copy
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import iolaus.logs.lines as lines_module
from iolaus.core.errors import InputError
from iolaus.core.tables import EXCHANGES, SOURCE
from iolaus.logs import Cause, Log, open_log
from iolaus.logs.formats import KNOWN
from iolaus.logs.rejects import Fault
from iolaus.logs.shape import Shape

FIXTURES = Path(__file__).parent / "fixtures"
SHAPES: dict[str, Shape] = {known.name: known.shape() for known in KNOWN if known.shape}
FILES = {
    "bedrock": "bedrock/invocations.jsonl",
    "langfuse": "langfuse/observations_v2.jsonl",
    "litellm": "litellm/standard_logging_payload.jsonl",
    "envoy": "envoy/access.jsonl",
    "azure_api_management": "azure_api_management/joined.jsonl",
}
# A row of LiteLLM_SpendLogs, and the entries of Cloudflare's envelope.
MADE: dict[str, list[dict[str, Any]]] = {
    "litellm_spend_logs": [
        {
            "request_id": "r",
            "call_type": "acompletion",
            "spend": 0.1,
            "startTime": "2026-03-01T12:00:00",
            "api_key": "k",
            "model": "m",
            "user": "u",
            "metadata": '{"status": "success", "user_agent": "x"}',
            "messages": "{}",
            "proxy_server_request": '{"messages": [{"role": "user", "content": "hi"}]}',
        }
    ],
    "cloudflare_ai_gateway": json.loads((FIXTURES / "cloudflare_ai_gateway/logs.json").read_text())[
        "result"
    ],
}


def records(name: str) -> list[dict[str, Any]]:
    if name in MADE:
        return MADE[name]
    lines = (FIXTURES / FILES[name]).read_text().splitlines()
    return [json.loads(line) for line in lines]


NASTY_TEXT = st.sampled_from(
    [
        "",
        "a\x00b",
        "\u202eevil\u2066",
        "=cmd|' /C calc'!A0",
        "{",
        "[[",
        '{"a": ',
        '{"messages": 5, "usage": [], "role": {}}',
        '[{"role": "user", "content": [{"text": {"value": 7}}]}]',
        "9" * 40,
        "1e400",
        "NaN",
        "2026-13-45",
        "\ufeff",
        "x" * 3_000,
        "::1, , 10.0.0.1",
        "[",
        "None",
    ]
)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -(2**63), 2**64, -1, 10**30, 1.5, -0.0, 1e308])
    | NASTY_TEXT
    | st.text(max_size=5)
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "text", "messages", "usage", "choices", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a record, itself excepted."""
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from paths(child, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A record of the format with up to five places replaced by anything."""
    record = copy.deepcopy(draw(st.sampled_from(records(name))))
    for _ in range(draw(st.integers(0, 5))):
        places = list(paths(record))
        if not places:
            break
        *parents, last = draw(st.sampled_from(places))
        target: Any = record
        for key in parents:
            target = target[key]
        target[last] = draw(VALUE)
    return record


def opened(root: Path, text: bytes, name: str, mapping: str = "") -> Log:
    path = root / "log/exchanges" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    if mapping:
        (root / "log/mapping.toml").write_text(mapping)
    return open_log(root / "log")


def counted(log: Log) -> tuple[int, int]:
    """(rows kept, rows seen), after reading all; they add up, and every row is typed."""
    kept = 0
    try:
        for batch in log.batches():
            assert batch.schema == pa.schema([*EXCHANGES, *SOURCE])
            batch.validate(full=True)
            kept += batch.num_rows
    except InputError as error:
        assert "can be used" in str(error) or "no rows" in str(error)
    assert log.rejects.rows_seen == kept + sum(log.rejects.counts.values())
    return kept, log.rejects.rows_seen


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_shapes_never_raise(name: str) -> None:
    wanted = frozenset(EXCHANGES.names)

    @settings(max_examples=120, deadline=None)
    @given(record=mutated(name))
    def check(record: dict[str, Any]) -> None:
        row = SHAPES[name].row(record, wanted)
        if not isinstance(row, Fault):
            assert set(row) <= wanted and None not in row.values()

    check()


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_line_of_a_known_format_is_counted(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    garbage = st.binary(max_size=12).filter(lambda b: b"\n" not in b)

    @settings(max_examples=40, deadline=None)
    @given(rows=st.lists(mutated(name), max_size=4), junk=st.lists(garbage, max_size=2))
    def check(rows: list[dict[str, Any]], junk: list[bytes]) -> None:
        text = b"\n".join([json.dumps(row).encode() for row in rows] + junk)
        root = tmp_path_factory.mktemp("known")
        log = opened(root, text, "a.jsonl", f'format = "{name}"\n')
        lines = text.removeprefix(lines_module.BYTE_ORDER_MARK).split(b"\n")
        assert counted(log)[1] == sum(1 for line in lines if line.strip())

    check()


COLUMNS = ("id", "time", "who", "m", "tokens", "flag", "text")
MAPPING = """
[exchanges]
exchange_id = "id"
ts = { from = "time", KIND }
account_id = ["nested.who", "who"]
model = { from = "m", values = { "1" = "one" }, null = ["-"] }
input_tokens = { from = "tokens", type = "text", unit = "thousand_tokens" }
stream = { from = "flag", type = "integer" }
prompt = "text"
"""
KINDS = ('unit = "ms"', 'unit = "ns", type = "text"', 'zone = "+02:00"', 'pattern = "%d/%m/%y"')


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from((*COLUMNS, "nested")), VALUE), max_size=5),
    kind=st.sampled_from(KINDS),
)
def test_mapped_json_is_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], kind: str
) -> None:
    text = b"\n".join(json.dumps(row).encode() for row in rows)
    root = tmp_path_factory.mktemp("mapped")
    log = opened(root, text, "a.jsonl", MAPPING.replace("KIND", kind))
    assert counted(log)[1] == len(rows)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.lists(NASTY_TEXT | st.text(max_size=6), min_size=7, max_size=7), max_size=5),
    kind=st.sampled_from(KINDS),
)
def test_mapped_csv_is_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], kind: str
) -> None:
    cells = [",".join('"' + c.replace('"', '""') + '"' for c in row) for row in rows]
    text = "\n".join([",".join(COLUMNS), *cells]).encode("utf-8", "replace")
    mapping = MAPPING.replace("KIND", kind).replace('["nested.who", "who"]', '"who"')
    log = opened(tmp_path_factory.mktemp("csv"), text, "a.csv", mapping)
    kept, seen = counted(log)
    assert kept <= seen == len(rows)


SCALARS = st.none() | st.integers(-(2**40), 2**63 - 1) | st.floats()


@settings(max_examples=60, deadline=None)
@given(times=st.lists(SCALARS, min_size=1, max_size=6), kind=st.sampled_from(KINDS[:2]))
def test_mapped_parquet_is_counted(
    tmp_path_factory: pytest.TempPathFactory, times: list[Any], kind: str
) -> None:
    root = tmp_path_factory.mktemp("parquet")
    (root / "exchanges").mkdir()
    (root / "mapping.toml").write_text(
        f'[exchanges]\nexchange_id = "id"\nts = {{ from = "time", {kind} }}\n'
        'account_id = "id"\nmodel = { value = "m" }\n'
        'input_tokens = { from = "time", null = [0] }\n'
    )
    numbers = [float(t) if t is not None else None for t in times]
    table = pa.table({"id": [f"e{i}" for i in range(len(times))], "time": numbers})
    pq.write_table(table, root / "exchanges/a.parquet")
    assert counted(open_log(root))[1] == len(times)


BASE = {"exchange_id": "e", "ts": "2026-03-01T12:00:00Z", "account_id": "a", "model": "m"}


def test_a_format_that_changes_in_the_middle(tmp_path: Path) -> None:
    """Rows of the new shape are rejected with their cause and place, and the old ones stay."""
    old = records("bedrock")[:2]
    new = [{"requestId": "x", "when": 5}, BASE]
    text = "\n".join(json.dumps(row) for row in [*old, *new, old[0]]).encode()
    log = opened(tmp_path, text, "a.jsonl")
    assert counted(log) == (3, 5)
    assert sorted(log.rejects.table()["row"].to_pylist()) == [3, 4]


def test_csv_columns_that_change_in_the_middle(tmp_path: Path) -> None:
    text = b"exchange_id,ts,account_id,model\n" + b",".join(s.encode() for s in BASE.values())
    more = b"\nexchange_id,ts,account_id,model,prompt\ne2,x,y,m,p\n"
    log = opened(tmp_path, text + more, "a.csv")
    assert counted(log) == (1, 3)
    assert log.rejects.counts == {Cause.FIELD_COUNT: 2}


def test_numbers_and_controls_in_a_known_format(tmp_path: Path) -> None:
    record = copy.deepcopy(records("bedrock")[0])
    record["input"]["inputTokenCount"] = 10**25
    other = copy.deepcopy(records("bedrock")[0])
    other["input"]["inputBodyJson"]["messages"] = [{"role": "user", "content": "a\x00\u202e\u2066"}]
    text = "\n".join(json.dumps(row) for row in [record, other]).encode()
    log = opened(tmp_path, text, "a.jsonl")
    batches = pa.Table.from_batches(log.batches())
    assert batches["prompt"].to_pylist() == ["a\x00\u202e\u2066"]
    assert list(log.rejects.counts) == [Cause.NUMBER_RANGE]


@pytest.mark.parametrize("name", ["a.json.gz", "a.jsonl.gz", "a.csv.gz"])
def test_a_bomb_of_one_line_is_a_reject_and_is_never_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE", 2**20)
    good = json.dumps(BASE).encode() + b"\n"
    if "csv" in name:
        good = b"exchange_id,ts,account_id,model\n" + b",".join(v.encode() for v in BASE.values())
        good += b'\n"'
    elif name == "a.json.gz":
        good = b"[" + good.strip() + b', {"x": "'
    bomb = gzip.compress(good + b"0" * (24 * 2**20), compresslevel=1)
    log = opened(tmp_path, bomb, name)
    assert counted(log) == (1, 2)
    assert log.rejects.counts == {Cause.LONG_LINE: 1}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv"])
def test_a_row_of_100_mb(tmp_path: Path, kind: str) -> None:
    """The real limit: 64 MB. What stands before and after it is read."""
    text = "x" * (100 * 2**20)
    rows = [BASE, BASE | {"exchange_id": "e2", "model": text}, BASE | {"exchange_id": "e3"}]
    if kind == "csv":
        lines = [",".join(BASE), *(",".join(row.values()) for row in rows)]
        data = "\n".join(lines).encode()
    else:
        data = (json.dumps(rows) if kind == "json" else "\n".join(map(json.dumps, rows))).encode()
    log = opened(tmp_path, data, f"a.{kind}")
    assert counted(log) == (2, 3)
    assert log.rejects.counts == {Cause.LONG_LINE: 1}
