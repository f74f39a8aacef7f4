import pyarrow as pa
import pytest

from iolaus.core.errors import ConfigError, ResourceError
from iolaus.engine import DuckEngine, Stages


@pytest.fixture
def stages(tmp_path):
    return Stages(tmp_path / "stages", "one")


def test_a_step_is_a_named_table_that_later_steps_read(stages):
    with DuckEngine(stages) as engine:
        engine.register("given", pa.table({"x": [1, 2, 3]}))
        engine.step("doubled", "SELECT 2 * x AS y FROM given")
        assert engine.fetch("SELECT sum(y) AS s FROM doubled")["s"].to_pylist() == [12]


def test_a_finished_step_is_not_computed_again(stages):
    with DuckEngine(stages) as engine:
        engine.step("kept", "SELECT 1 AS x")
        engine.step("kept", "SELECT 2 AS x")
        assert engine.fetch("SELECT x FROM kept")["x"].to_pylist() == [1]


def test_a_failed_step_leaves_no_file(stages):
    with DuckEngine(stages) as engine:
        with pytest.raises(Exception, match="no_such_table"):
            engine.step("broken", "SELECT * FROM no_such_table")
        assert not stages.done("broken")
        assert not list(stages.directory.glob(".*tmp"))


def test_stages_of_another_run_are_not_reused(stages, tmp_path):
    with DuckEngine(stages) as engine:
        engine.step("kept", "SELECT 1 AS x")
    assert Stages(tmp_path / "stages", "one").done("kept")
    assert not Stages(tmp_path / "stages", "two").done("kept")


def test_parameters_and_the_portable_hash(stages):
    with DuckEngine(stages) as engine:
        table = engine.fetch("SELECT text_hash($t) AS h", {"t": "abc"})
    # The first 15 hex digits of md5("abc") = 900150983cd24fb0d6963f7d28e17f72.
    assert table["h"].to_pylist() == [0x900150983CD24FB]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2"),
        ("2001:db8:1:2::9", "2001:db8:1"),
        ("2001:db8::1", "2001:db8:0"),
        ("2001:db8::", "2001:db8:0"),
        ("2001::1", "2001:0:0"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0"),
        ("::1", "0:0:0"),
        ("::", "0:0:0"),
        ("::3:4:5:6:7:8", "0:0:3"),
        ("1::4:5:6:7:8", "1:0:0"),
        ("1:2:3::", "1:2:3"),
        ("64:ff9b::102:304", "64:ff9b:0"),
        ("k1.4.0123456789abcdef.fedcba9876543210", "k1.4.0123456789abcdef"),  # a pseudonym
    ],
)
def test_the_network_of_an_address(stages, address, network):
    with DuckEngine(stages) as engine:
        assert engine.fetch("SELECT network_of($a) AS n", {"a": address})["n"][0].as_py() == network


def test_a_memory_limit_that_is_no_size_is_refused(stages):
    with pytest.raises(ConfigError, match="4GB or 512MB"):
        DuckEngine(stages, memory="much")


def test_too_little_memory_says_what_to_do(stages):
    with (
        DuckEngine(stages, memory="20MB", threads=1) as engine,
        pytest.raises(ResourceError, match="Raise --memory"),
    ):
        engine.step("large", "SELECT list(range::VARCHAR) AS l FROM range(10_000_000)")
