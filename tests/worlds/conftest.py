"""Small worlds, made once for all tests of this room."""

import pytest
from small_worlds import Small, make


@pytest.fixture(scope="session")
def long_world(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return make(tmp_path_factory.mktemp("worlds") / "long", "long")


@pytest.fixture(scope="session")
def spike_world(tmp_path_factory: pytest.TempPathFactory) -> Small:
    root = tmp_path_factory.mktemp("worlds") / "spike"
    return make(root, "spike", campaign_accounts=150, exchanges=8_000)
