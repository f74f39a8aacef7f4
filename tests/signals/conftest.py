import pytest

from iolaus.engine import DuckEngine, Stages


@pytest.fixture
def engine(tmp_path):
    with DuckEngine(Stages(tmp_path / "stages", "test"), memory="500MB", threads=1) as engine:
        yield engine
