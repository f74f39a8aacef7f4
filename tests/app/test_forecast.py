"""What a run will cost, and what is refused before it begins."""

import re
from dataclasses import replace

import pytest

from iolaus.app.forecast import (
    FEATURE_BYTES,
    TABLE_BYTES,
    disk_bytes,
    forecast,
    refuse_without_text,
)
from iolaus.app.settings import Settings
from iolaus.core.errors import ConfigError
from iolaus.logs import open_log
from iolaus.worlds.metadata import simulate_metadata

EMBEDDING = replace(Settings(), embeddings="models/small")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    out = tmp_path_factory.mktemp("store") / "long"
    simulate_metadata(
        "long", out=out, accounts=2_000, campaign_accounts=60, exchanges=120_000, seed=6
    )
    return open_log(out / "log")


def test_a_store_needs_no_room_for_a_copy_of_its_features(store, planted_log):
    log = open_log(planted_log)
    assert disk_bytes(store, 1_000_000) == 1_000_000 * TABLE_BYTES
    assert disk_bytes(log, 1_000_000) == 1_000_000 * (FEATURE_BYTES + TABLE_BYTES)
    said = re.search(r"([\d,]+) exchanges in .*, ([\d.]+) GB of disk", forecast(store))
    assert said is not None
    assert int(said[1].replace(",", "")) == store.rows_estimate == 120_000
    assert float(said[2]) == round(120_000 * TABLE_BYTES / 1e9, 1)


def test_an_embedding_model_is_refused_where_there_is_no_text(store, planted_log):
    refuse_without_text(store, Settings())
    refuse_without_text(open_log(planted_log), EMBEDDING)
    with pytest.raises(ConfigError, match="nothing to embed") as error:
        refuse_without_text(store, EMBEDDING)
    assert error.value.where == "[scan] embeddings"
