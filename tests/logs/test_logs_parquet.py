"""Parquet: causes of rejection, types found in the wild, excerpts, memory."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import iolaus.logs.sizes as sizes
from iolaus.core.errors import InputError
from iolaus.core.tables import EXCHANGES, SOURCE
from iolaus.logs import Cause, Log, open_log

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read(log: Log) -> pa.Table:
    return pa.Table.from_batches(log.batches())


def with_column(rows: list[Any], name: str, array: pa.Array) -> pa.Table:
    from_rows = {
        "exchange_id": pa.array([r["exchange_id"] for r in rows]),
        "ts": pa.array([NOON] * len(rows), pa.timestamp("us", tz="UTC")),
        "account_id": pa.array([r["account_id"] for r in rows]),
        "model": pa.array([r["model"] for r in rows]),
    }
    return pa.table(from_rows | {name: array})


@pytest.mark.parametrize(
    ("changes", "cause", "detail"),
    [
        ({"exchange_id": None}, "missing exchange_id", ""),
        ({"ts": None}, "missing ts", ""),
        ({"account_id": ""}, "missing account_id", ""),
        ({"model": None}, "missing model", ""),
        ({"ts": "2014-12-31T23:59:59Z"}, "time out of range", "ts: 2014-12-31 23:59:59.000000Z"),
        ({"output_tokens": -5}, "negative tokens", "output_tokens: -5"),
        ({"choice_count": -5}, "number out of range", "choice_count: -5"),
        ({"temperature": float("inf")}, "number out of range", "temperature: inf"),
        ({"prompt": b"ok \xff"}, "invalid UTF-8", "prompt"),
        ({"account_id": b"\xc3"}, "invalid UTF-8", "account_id"),
    ],
)
def test_bad_cell(row: Any, parquet_log: Any, changes: Any, cause: str, detail: str) -> None:
    log = open_log(parquet_log([row(0), row(1, **changes), row(2)]))
    assert read(log)["exchange_id"].to_pylist() == ["e0", "e2"]
    assert log.rejects.table().to_pylist() == [
        {"file": "exchanges/part-0.parquet", "row": 1, "cause": cause, "detail": detail}
    ]


def test_schema_order_and_source(row: Any, parquet_log: Any) -> None:
    parquet_log([row(2), row(3)], name="exchanges/day=2026-03-02/part-0.parquet")
    root = parquet_log([row(0), row(1)], name="exchanges/day=2026-03-01/part-0.parquet")
    log = open_log(root)
    table = read(log)
    assert table.schema == pa.schema([*EXCHANGES, *SOURCE])
    assert table["exchange_id"].to_pylist() == ["e0", "e1", "e2", "e3"]
    assert table["source_file"].to_pylist() == [0, 0, 1, 1]
    assert table["source_row"].to_pylist() == [0, 1, 0, 1]
    assert log.rows_estimate == 4


def test_only_asked_columns_come_and_required_ones_are_still_checked(
    row: Any, parquet_log: Any
) -> None:
    log = open_log(parquet_log([row(0), row(1, account_id=None)]))
    table = pa.Table.from_batches(log.batches(["model", "exchange_id"]))
    assert table.column_names == ["exchange_id", "model", "source_file", "source_row"]
    assert table.num_rows == 1
    with pytest.raises(ValueError, match="not columns of exchanges"):
        next(log.batches(["nonsense"]))


def test_second_pass_gives_the_same_rows_and_counts_nothing(row: Any, parquet_log: Any) -> None:
    log = open_log(parquet_log([row(0), row(1, model="")]))
    assert read(log).equals(read(log))
    assert (log.rejects.rows_seen, log.rejects.counts) == (2, {"missing model": 1})


def test_a_column_may_come_and_go_between_files(row: Any, parquet_log: Any) -> None:
    parquet_log([row(0, status=200)], name="exchanges/a.parquet")
    log = open_log(parquet_log([row(1, prompt=...)], name="exchanges/b.parquet"))
    table = read(log)
    assert table["status"].to_pylist() == [200, None]
    assert table["prompt"].to_pylist() == ["prompt 0", None]
    assert "status" not in log.missing_columns and "asn" in log.missing_columns


WIDENED = [
    ("status", pa.array([200, None], pa.int64()), [200, None]),
    ("status", pa.array([200, None], pa.uint8()), [200, None]),
    ("input_tokens", pa.array([7, None], pa.int16()), [7, None]),
    ("input_tokens", pa.array([7.0, float("nan")]), [7, None]),
    ("temperature", pa.array([0.5, None], pa.float32()), [0.5, None]),
    ("temperature", pa.array([1, None], pa.int32()), [1.0, None]),
    ("country", pa.array(["DE", None]).dictionary_encode(), ["DE", None]),
    ("country", pa.array(["DE", None], pa.large_string()), ["DE", None]),
    ("prompt", pa.array(["DE", None]).dictionary_encode(), ["DE", None]),
    ("prompt", pa.array([b"DE", None], pa.binary()), ["DE", None]),
    ("prompt", pa.nulls(2), [None, None]),
    ("ts", pa.array([NOON, NOON], pa.timestamp("ns", tz="UTC")), [NOON, NOON]),
    ("ts", pa.array([NOON, NOON], pa.timestamp("ms", tz="Europe/Paris")), [NOON, NOON]),
    ("ts", pa.array(["2026-03-01T12:00:00Z", "20260301T130000+0100"]), [NOON, NOON]),
    ("ts", pa.array([int(NOON.timestamp())] * 2), [NOON, NOON]),
    ("ts", pa.array([NOON.timestamp()] * 2), [NOON, NOON]),
]


@pytest.mark.parametrize(("name", "array", "expected"), WIDENED)
def test_lossless_types(
    row: Any, parquet_log: Any, name: str, array: pa.Array, expected: list[Any]
) -> None:
    log = open_log(parquet_log(with_column([row(0), row(1)], name, array)))
    table = read(log)
    assert table[name].to_pylist() == expected
    assert table[name].type == EXCHANGES.field(name).type
    assert log.rejects.counts == {}


@pytest.mark.parametrize(
    ("name", "array", "cause"),
    [
        ("status", pa.array([2**40, 1]), Cause.NUMBER_RANGE),
        ("input_tokens", pa.array([2**63, 1], pa.uint64()), Cause.NUMBER_RANGE),
        ("input_tokens", pa.array([1.5, 1.0]), Cause.NOT_INTEGER),
        ("input_tokens", pa.array([float("inf"), 1.0]), Cause.NUMBER_RANGE),
        ("ts", pa.array(["soon", "2026-03-01T12:00:00Z"]), Cause.TIME_UNREADABLE),
        ("ts", pa.array(["2026-03-01T12:00:00", "2026-03-01T12:00:00Z"]), Cause.TIME_ZONE),
        (
            "ts",
            pa.array([2**55, 1_772_366_400_000], pa.timestamp("ms", tz="UTC")),
            Cause.TIME_RANGE,
        ),
        ("ts", pa.array([b"\xff", b"2026-03-01T12:00:00Z"]), Cause.UTF8),
    ],
)
def test_cells_that_do_not_fit_cost_their_row(
    row: Any, parquet_log: Any, name: str, array: pa.Array, cause: Cause
) -> None:
    log = open_log(parquet_log(with_column([row(0), row(1)], name, array)))
    assert read(log)["exchange_id"].to_pylist() == ["e1"]
    assert log.rejects.counts == {cause: 1}


def test_assume_utc(row: Any, parquet_log: Any) -> None:
    naive = pa.array([NOON.replace(tzinfo=None)] * 2, pa.timestamp("us"))
    root = parquet_log(with_column([row(0), row(1)], "ts", naive))
    with pytest.raises(InputError, match="without a time zone"):
        open_log(root)
    assert read(open_log(root, assume_utc=True))["ts"].to_pylist() == [NOON, NOON]


def test_damage_in_the_middle_is_an_error(row: Any, parquet_log: Any) -> None:
    root = parquet_log([row(i) for i in range(1_000)], compression="zstd")
    path = root / "exchanges/part-0.parquet"
    data = bytearray(path.read_bytes())
    data[200:1_200] = b"\x00" * 1_000
    path.write_bytes(data)
    with pytest.raises(InputError, match="the Parquet file is damaged"):
        read(open_log(root))


def test_excerpts(row: Any, parquet_log: Any) -> None:
    rows = [row(i) for i in range(100)]
    rows[42] = row(42, prompt="é" * 5_000)
    rows[43] = row(43, prompt=None)
    rows[44] = row(44, prompt=b"\xff")
    parquet_log(rows, name="exchanges/a.parquet", row_group_size=10)
    log = open_log(parquet_log([row(7, prompt="other")], name="exchanges/b.parquet"))
    wanted = [(0, 99), (1, 0), (0, 42), (0, 43), (0, 0), (0, 9), (0, 10), (0, 99), (0, 44)]
    assert log.excerpts(wanted) == [
        "prompt 99",
        "other",
        "é" * 4_000,
        None,
        "prompt 0",
        "prompt 9",
        "prompt 10",
        "prompt 99",
        "\ufffd",
    ]


def test_excerpts_of_a_log_without_prompts(row: Any, parquet_log: Any) -> None:
    log = open_log(parquet_log([row(0, prompt=...)]))
    assert log.excerpts([(0, 0)]) == [None]


MEGABYTES_10 = 10 * 2**20


@pytest.mark.parametrize("shared", [True, False])
def test_huge_prompts_come_in_slices(row: Any, parquet_log: Any, shared: bool) -> None:
    """16 prompts of 10 MB, stored once or 16 times: batches stay near 64 MB, none is changed."""
    texts = ["" if shared else str(i) for i in range(16)]
    rows = [row(i, prompt="x" * MEGABYTES_10 + text) for i, text in enumerate(texts)]
    log = open_log(parquet_log(rows))
    del rows
    lengths, most = [], 0
    before = pa.total_allocated_bytes()
    for batch in log.batches(["prompt"]):
        assert batch.nbytes < 2 * sizes.SLICE_BYTES
        lengths += pc.binary_length(batch["prompt"]).to_pylist()
        most = max(most, pa.total_allocated_bytes() - before)
    assert lengths == [MEGABYTES_10 + len(text) for text in texts]
    if shared:  # else the writer has put all 16 into one page, which no reader can split
        assert most < 120 * 2**20


def test_large_row_groups_are_read_in_parts_and_joined(
    row: Any, parquet_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "SLICE_BYTES", 100_000)
    monkeypatch.setattr("iolaus.logs.parquet.FOLDED_LIMIT", 10)
    rows = [row(i, prompt=f"{i} " * 200) for i in range(1_000)]
    log = open_log(parquet_log(rows, row_group_size=400))
    batches = list(log.batches())
    assert len(batches) > 5
    assert max(batch.nbytes for batch in batches) < 200_000
    table = pa.Table.from_batches(batches)
    assert table["prompt"].to_pylist() == [r["prompt"] for r in rows]
    assert table["source_row"].to_pylist() == list(range(1_000))


def test_rows_at_once() -> None:
    assert sizes.rows_at_once(10, 0) >= sizes.FEWEST
    assert sizes.rows_at_once(100 * MEGABYTES_10, 100) == sizes.FEWEST
    assert sizes.rows_at_once(2**20, 2**20) == sizes.MOST


def test_digest_and_sizes(row: Any, parquet_log: Any) -> None:
    import hashlib

    root = parquet_log([row(0)])
    file = open_log(root).files[0]
    data = (root / file.name).read_bytes()
    assert (file.name, file.size) == ("exchanges/part-0.parquet", len(data))
    assert file.digest() == hashlib.sha256(data).hexdigest()


def test_spark_leftovers_are_passed_over_and_others_are_named(row: Any, parquet_log: Any) -> None:
    root = parquet_log([row(0)])
    (root / "exchanges/_SUCCESS").touch()
    (root / "exchanges/.part-0.parquet.crc").touch()
    (root / "exchanges/old.txt").touch()
    (root / "exchanges/loop").symlink_to(root / "exchanges", target_is_directory=True)
    log = open_log(root)
    assert len(log.files) == 1
    assert log.ignored == ("exchanges/old.txt",)


def test_nested_column_beside_is_ignored(row: Any, parquet_log: Any) -> None:
    nested = pa.array([{"prompt": "inner"}], pa.struct([("prompt", pa.string())]))
    log = open_log(parquet_log(with_column([row(0)], "payload", nested)))
    assert read(log)["prompt"].to_pylist() == [None]
    assert log.unknown_columns == {"payload"}


def test_footer_says_how_many(row: Any, parquet_log: Any) -> None:
    root = parquet_log([row(i) for i in range(7)])
    assert (
        open_log(root).rows_estimate == pq.read_metadata(root / "exchanges/part-0.parquet").num_rows
    )
