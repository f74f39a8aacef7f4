"""Findings that were kept come back as they were."""

from itertools import chain

import numpy as np
import pyarrow as pa
import pytest

from iolaus.campaigns.scene import Finding
from iolaus.campaigns.stage_tables import FINDINGS, findings_from, findings_table


def finding(detector, draws, p=0.01, decides=True):
    return Finding(
        detector, "harvest", "a share", 0.5, "others", p, "why", np.asarray(draws), decides
    )


def test_findings_come_back_with_their_draws():
    groups = [
        [finding("one", [0.1, 0.2, 0.3]), finding("two", np.empty(0), p=np.nan, decides=False)],
        [finding("one", [np.nan, 4.0])],
    ]
    rows = findings_table(groups)
    assert rows.schema.equals(FINDINGS)
    for chunked in (rows, pa.concat_tables([rows.slice(0, 1), rows.slice(1)])):
        back = findings_from(chunked)
        assert [len(group) for group in back] == [2, 1]
        for before, after in zip(chain(*groups), chain(*back), strict=True):
            assert after.draws.tolist() == pytest.approx(before.draws.tolist(), nan_ok=True)
            assert (after.detector, after.decides) == (before.detector, before.decides)
            assert after.p == pytest.approx(before.p, nan_ok=True)


def test_no_groups_are_no_rows():
    assert findings_from(findings_table([])) == []
