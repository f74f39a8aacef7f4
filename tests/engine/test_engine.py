"""What an engine promises, on both of them."""

import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iolaus.core.errors import ConfigError, ResourceError
from iolaus.engine import (
    DuckEngine,
    Stages,
    Table,
    discard,
    duck,
    move,
    open_engine,
    shared_out,
    sizes,
)


@pytest.fixture
def stages(tmp_path):
    return Stages(tmp_path / "stages", "one")


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.slow)])
def engine(request, stages):
    if request.param == "duckdb":
        with DuckEngine(stages) as duck:
            yield duck
    else:
        request.getfixturevalue("spark_session")
        with open_engine("spark", stages, memory="2GB", threads=1) as spark:
            yield spark


def test_a_step_is_a_named_table_that_later_steps_read(engine):
    engine.register("given", pa.table({"x": [1, 2, 3]}))
    engine.step("doubled", "SELECT 2 * x AS y FROM given ORDER BY y DESC")
    assert engine.fetch("SELECT sum(y) AS s FROM doubled")["s"].to_pylist() == [12]
    assert pq.read_table(engine.stages.table("doubled").path)["y"].to_pylist() == [6, 4, 2]


def test_a_finished_step_is_not_computed_again(engine):
    engine.step("kept", "SELECT 1 AS x")
    engine.step("kept", "SELECT 2 AS x")
    assert engine.fetch("SELECT x FROM kept")["x"].to_pylist() == [1]


def test_a_failed_step_leaves_no_file(engine):
    engine.step("before", "SELECT 1 AS x")
    with pytest.raises(Exception, match="no_such_table"):
        engine.step("broken", "SELECT * FROM no_such_table")
    assert not engine.stages.done("broken")
    assert not list(engine.stages.directory.glob(".*tmp"))


def test_a_step_without_rows_is_a_table_with_its_columns(engine):
    engine.step("none", "SELECT 1::BIGINT AS x, NULL::VARCHAR AS t WHERE false")
    assert engine.fetch("SELECT * FROM none").num_rows == 0
    assert pq.read_schema(engine.stages.table("none").path).names == ["x", "t"]


def test_days_are_one_table(engine):
    days = [date(2026, 5, 4), date(2026, 5, 5)]
    for number, day in enumerate(days):
        engine.day_step("daily", day, "SELECT $day AS day, $n AS n", {"day": day, "n": number})
        engine.day_step("daily", day, "SELECT $day AS day, 9 AS n", {"day": day})  # stands already
    engine.attach_days("daily")
    rows = engine.fetch("SELECT day, n FROM daily ORDER BY day").to_pylist()
    assert rows == [{"day": day, "n": number} for number, day in enumerate(days)]


def test_scratch_is_replaced_and_forgotten(engine):
    engine.scratch("today", "SELECT $n AS n", {"n": 1})
    engine.scratch("today", "SELECT $n AS n", {"n": 2})
    assert engine.fetch("SELECT n FROM today")["n"].to_pylist() == [2]
    engine.forget("today")
    with pytest.raises(Exception, match="today"):
        engine.fetch("SELECT n FROM today")


def test_values_that_stand_more_than_once(engine):
    given = [3, 3, None, None, 7, -(2**63), -(2**63), -(2**63), 2**63 - 1, 0]
    engine.register("given", pa.table({"x": given}))
    engine.repeated("again", "given", "x")
    assert sorted(engine.fetch("SELECT x FROM again")["x"].to_pylist()) == [-(2**63), 3]
    engine.repeated("again", "again", "x")
    assert engine.fetch("SELECT x FROM again").num_rows == 0


def test_a_single_piece_of_work_has_all_threads(engine):
    with engine.hands(1, 1) as hands:
        assert list(hands) == [engine]


def test_two_threads_may_ask_one_engine(engine):
    """They take turns; DuckDB refuses a connection that is busy."""
    failed, times = [], 30 if engine.name == "duckdb" else 2

    def ask(number):
        try:
            for _ in range(times):
                engine.register(f"given_{number}", pa.table({"x": range(1000)}))
                found = engine.fetch(f"SELECT sum(x) AS s FROM given_{number}, range(300)")
                assert found["s"].to_pylist() == [300 * 499_500]
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@pytest.mark.parametrize("need", [1, 10**15])
def test_work_is_shared_out_and_names_stay_each_hands_own(engine, tmp_path, need):
    """With little need two hands of DuckDB work at once; else, and on Spark, one after another."""
    engine.register("given", pa.table({"x": [1]}))
    engine.step("common", "SELECT 100 AS base")
    together = threading.Barrier(2 if need == 1 and engine.name == "duckdb" else 1)
    for number in range(4):
        pq.write_table(pa.table({"n": [number]}), tmp_path / f"{number}.parquet")

    def work(hand, number):
        hand.attach_files("mine", [tmp_path / f"{number}.parquet"])
        hand.scratch("own", "SELECT n FROM mine")
        hand.view("seen", "SELECT n FROM own")
        together.wait(timeout=60)  # all names are taken by both now
        found = hand.fetch("SELECT base + seen.n + own.n AS sum FROM common, seen, own")
        hand.day_step("numbers", date(2026, 5, 1 + number), "SELECT n FROM own")
        hand.forget("seen")
        hand.forget("own")
        return found["sum"].to_pylist()

    assert list(shared_out(engine, work, range(4), need)) == [[100], [102], [104], [106]]
    engine.attach_days("numbers")
    assert sorted(engine.fetch("SELECT n FROM numbers")["n"].to_pylist()) == [0, 1, 2, 3]
    with pytest.raises(Exception, match="own"):
        engine.fetch("SELECT n FROM own")


def test_what_a_kernel_made_is_kept(engine):
    kept = pa.table({"x": pa.array([1], pa.int32()), "l": pa.array([[1, 2]], pa.list_(pa.int64()))})
    engine.keep("made", kept)
    assert engine.fetch("SELECT x, unnest(l) AS v FROM made ORDER BY v").to_pylist() == [
        {"x": 1, "v": 1},
        {"x": 1, "v": 2},
    ]


def test_files_are_read_with_a_select_list(engine, tmp_path):
    for number in range(2):
        pq.write_table(pa.table({"id": [f"e{number}"]}), tmp_path / f"{number}.parquet")
    files = sorted(tmp_path.glob("*.parquet"))
    engine.attach_files("two_files", files, "text_hash(id) AS h, NULL::BIGINT AS missing")
    rows = engine.fetch("SELECT h, missing FROM two_files WHERE h = text_hash('e1')").to_pylist()
    assert [row["missing"] for row in rows] == [None]


def test_a_directory_called_key_and_value_adds_no_column(engine, tmp_path):
    folder = tmp_path / "cover=0.5" / "day=2026-05-04"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"x": [1]}), folder / "x.parquet")
    engine.attach_files("files", [folder / "x.parquet"])
    engine.attach(Table("one", folder / "x.parquet"))
    for name in ("files", "one"):
        assert engine.fetch(f"SELECT * FROM {name}").to_pylist() == [{"x": 1}]


@pytest.mark.parametrize("days_are_files", [True, False])
def test_a_table_of_several_files_is_read_and_moved(engine, tmp_path, days_are_files):
    """Spark writes a large table as a directory; both engines read it."""
    several = tmp_path / "day=2026-05-04.parquet"
    several.mkdir()
    for number in range(2):
        pq.write_table(pa.table({"x": [number]}), several / f"part-{number}.parquet")
    engine.attach(Table("several", several))
    assert engine.fetch("SELECT sum(x) AS s FROM several")["s"].to_pylist() == [1]
    target = tmp_path / "target.parquet"
    if days_are_files:
        pq.write_table(pa.table({"x": [7]}), target)
    move(several, target)
    engine.attach(Table("moved", target))
    assert engine.fetch("SELECT count(*) AS n FROM moved")["n"].to_pylist() == [2]
    discard(target)
    discard(target)
    assert not target.exists()


def test_parameters_of_every_type(engine):
    given = {
        "d": date(2026, 5, 4),
        "t": datetime(2026, 5, 4, 1, 2, 3, 456, tzinfo=UTC),
        "i": -(2**40),
        "f": 0.1,
        "b": True,
        "s": 'it\'s a \\ "test" $d -- ; \u00e9\n',
        "l": ["a", "b'"],
    }
    sql = "SELECT $d AS d, $t AS t, $i AS i, $f AS f, $b AS b, $s AS s, 'b''' IN $l AS l"
    (row,) = engine.fetch(sql, given).to_pylist()
    assert float(row.pop("f")) == given.pop("f")
    assert row == given | {"l": True}


def test_the_portable_hash(engine):
    table = engine.fetch("SELECT text_hash($t) AS h, text_hash(NULL) AS n", {"t": "abc"})
    # The first 15 hex digits of md5("abc") = 900150983cd24fb0d6963f7d28e17f72.
    assert table.to_pylist() == [{"h": 0x900150983CD24FB, "n": None}]


def test_times_as_text(engine):
    texts = engine.fetch(
        "SELECT time_text(TIMESTAMPTZ '2026-05-04 01:02:03.040000+00') AS some, "
        "time_text(date_trunc('hour', TIMESTAMPTZ '2026-05-04 01:02:03+00')) AS none"
    ).to_pylist()
    assert texts == [{"some": "2026-05-04 01:02:03.04+00", "none": "2026-05-04 01:00:00+00"}]


NETWORKS = {
    "192.0.2.77": "192.0.2",
    "2001:db8:1:2::9": "2001:db8:1",
    "2001:db8::1": "2001:db8:0",
    "2001:db8::": "2001:db8:0",
    "2001::1": "2001:0:0",
    "2001:db8:0:1:2:3:4:5": "2001:db8:0",
    "::1": "0:0:0",
    "::": "0:0:0",
    "::3:4:5:6:7:8": "0:0:3",
    "1::4:5:6:7:8": "1:0:0",
    "1:2:3::": "1:2:3",
    "64:ff9b::102:304": "64:ff9b:0",
    "k1.4.0123456789abcdef.fedcba9876543210": "k1.4.0123456789abcdef",  # a pseudonym
    "unknown": "unknown",
}


def test_the_network_of_an_address(engine):
    engine.register("addresses", pa.table({"ip": [*NETWORKS, None]}))
    rows = engine.fetch("SELECT ip, network_of(ip) AS network FROM addresses").to_pylist()
    found = {row["ip"]: row["network"] for row in rows}
    assert found == NETWORKS | {None: found[None]}


# Where the two engines mean different things by the same words, and the dialect has to help.
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("datediff('hour', TIMESTAMPTZ '2026-05-04 01:59:00+00', "
         "TIMESTAMPTZ '2026-05-04 02:01:00+00')", 1),
        ("datediff('day', DATE '2026-05-04', DATE '2026-05-09')", 5),
        ("epoch(TIMESTAMPTZ '2026-05-04 00:00:00.25+00')", 1777852800.25),
        ("epoch_us(TIMESTAMPTZ '2026-05-04 00:00:00.25+00') // 1000", 1777852800250),
        ("epoch_us(CAST(DATE '2026-05-04' AS TIMESTAMP)) // 1000000", 1777852800),
        ("xor(6, 3) & 1", 1),
        ("7 // 2", 3),
        ("7 / 2", 3.5),
        ("(3 + 0.1) / (7 + 1)", 0.3875),
        ("greatest(NULL, 2)", 2),
        ("least(3, NULL)", 3),
        ("concat_ws('|', 'a', NULL, 3, DATE '2026-05-04')", "a|3|2026-05-04"),
        ("CAST(time_bucket(INTERVAL '10 minutes', TIMESTAMPTZ '2026-05-04 01:19:59+00') AS DATE)",
         date(2026, 5, 4)),
        ("(SELECT arg_min(c, t) FROM (VALUES (NULL, 1), ('b', 2), ('c', 3)) AS v (c, t))", "b"),
        ("(SELECT list(c ORDER BY t DESC, c) FROM (VALUES ('a', 1), ('c', 2), ('b', 2)) "
         "AS v (c, t))", ["b", "c", "a"]),
        ("(SELECT list_sort(list(DISTINCT c)) FROM (VALUES ('b'), ('a'), ('b')) AS v (c))",
         ["a", "b"]),
        ("(SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY c) AS place FROM "
         "(VALUES ('b'), ('a')) AS v (c) QUALIFY place > 1))", 1),
    ],
)  # fmt: skip
def test_both_engines_mean_the_same(engine, expression, value):
    (found,) = engine.fetch(f"SELECT {expression} AS value")["value"].to_pylist()
    assert found == value


def test_stars_keep_the_order_of_columns(engine):
    engine.register("left_rows", pa.table({"a": [1, 2], "k": [1, 2], "b": [3, 4]}))
    engine.register("right_rows", pa.table({"k": [2]}))
    one = engine.fetch("SELECT * FROM left_rows SEMI JOIN right_rows USING (k)")
    other = engine.fetch("SELECT * FROM left_rows ANTI JOIN right_rows USING (k)")
    assert one.to_pylist() == [{"a": 2, "k": 2, "b": 4}]
    assert other.to_pylist() == [{"a": 1, "k": 1, "b": 3}]
    assert one.column_names == other.column_names == ["a", "k", "b"]
    sums = engine.fetch("SELECT count(*) AS n, sum(COLUMNS(* EXCLUDE (k))) FROM left_rows")
    assert sums.column_names == ["n", "a", "b"]
    assert [[int(v) for v in row.values()] for row in sums.to_pylist()] == [[2, 3, 7]]


def test_stages_of_another_run_are_not_reused(stages, tmp_path):
    with DuckEngine(stages) as engine:
        engine.step("kept", "SELECT 1 AS x")
    assert Stages(tmp_path / "stages", "one").done("kept")
    assert not Stages(tmp_path / "stages", "two").done("kept")


def test_a_memory_limit_that_is_no_size_is_refused(stages):
    with pytest.raises(ConfigError, match="4GB or 512MB"):
        DuckEngine(stages, memory="much")


def test_too_little_memory_says_what_to_do(stages):
    with (
        DuckEngine(stages, memory="20MB", threads=1) as engine,
        pytest.raises(ResourceError, match="Raise --memory"),
    ):
        engine.step("large", "SELECT list(range::VARCHAR) AS l FROM range(10_000_000)")


def test_an_unknown_engine_and_a_master_of_none_are_refused(stages):
    with pytest.raises(ConfigError, match="duckdb or spark"):
        open_engine("flink", stages, memory="1GB", threads=1)
    with pytest.raises(ConfigError, match="Add --engine spark"):
        open_engine("duckdb", stages, memory="1GB", threads=1, master="yarn")


def test_without_pyspark_the_error_says_what_to_install(stages, monkeypatch):
    for name in [*filter(lambda name: name.startswith("pyspark"), sys.modules), "pyspark"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "iolaus.engine.spark", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'iolaus\[spark\]'"):
        open_engine("spark", stages, memory="1GB", threads=1)


@pytest.mark.slow
def test_a_spark_that_cannot_start_says_why(tmp_path):
    """In a process of its own: here a Spark may run already."""
    pytest.importorskip("pyspark")
    given = [str(tmp_path), "--out", str(tmp_path / "out"), "--engine", "spark"]
    (tmp_path / "exchanges").mkdir()
    row = {"exchange_id": "1", "ts": datetime(2026, 5, 4, tzinfo=UTC), "account_id": "a"}
    table = pa.Table.from_pylist([row | {"model": "m"}])
    pq.write_table(table, tmp_path / "exchanges" / "one.parquet")
    for extra, said in (
        (["--master", "local[2]", "--memory", "600MB"], "Give it 1GB or more"),
        (["--master", "nowhere://x"], "Write local\\[2\\], spark://HOST:7077"),
    ):
        program = "from iolaus.app.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, "scan", *given, *extra],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=Path(__file__).resolve().parents[2],
        )
        assert done.returncode == 2, done.stderr[-2000:]
        assert said.replace("\\", "") in done.stderr


GB = 2**30


@pytest.mark.parametrize(
    ("memory", "others", "limit"),
    [
        (8 * GB, 0, 4.8 * GB),
        (8 * GB, 3 * GB, 4.8 * GB),
        (8 * GB, 5 * GB, 3 * GB),
        (8 * GB, 7 * GB, 1.6 * GB),
        (8 * GB, 20 * GB, 1.6 * GB),
        (1 * GB, 2 * GB, 0.5 * GB),
        (GB // 4, 2 * GB, 0.15 * GB),
    ],
)
def test_the_engine_gives_way_to_what_python_holds_but_keeps_what_it_needs(memory, others, limit):
    assert sizes.engine_limit(memory, others) == pytest.approx(limit, rel=1e-6)


def test_what_python_holds_is_taken_from_the_limit_before_the_next_step(stages, monkeypatch):
    with DuckEngine(stages, memory="8GB", threads=1) as engine:
        limits = []
        for held in (GB, 6 * GB, GB):
            monkeypatch.setattr(duck, "resident", lambda held=held: held)
            engine.step(f"after_{held}_{len(limits)}", "SELECT 1 AS x")
            found = engine.fetch("SELECT current_setting('memory_limit') AS most")
            limits.append(float(found["most"][0].as_py().removesuffix(" GiB")))
        assert limits == pytest.approx([4.8, 2.0, 4.8], abs=0.11)  # it is cut to one digit


def test_the_process_knows_its_size():
    assert GB // 100 < (sizes.resident() or GB) < 100 * GB
