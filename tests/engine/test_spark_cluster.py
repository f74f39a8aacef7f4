"""Several executor processes, and one that dies."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyspark")
pytest.importorskip("sqlglot")

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java")
def test_an_executor_that_is_killed_in_mid_job_changes_no_result(tmp_path):
    program = [sys.executable, "-m", "tests.engine.losing_an_executor", str(tmp_path)]
    done = subprocess.run(
        program, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert len(seen["executors"]) == 2
    assert seen["killed"] in seen["executors"]
    assert seen["was_running"]
    assert "Lost executor" in done.stderr  # as Spark's scheduler says it; 137: by SIGKILL
    assert "exited with code 137" in done.stderr
    assert sum(row["numbers"] for row in seen["rows"]) == 24 * 8
    assert seen["rows"] == seen["expected"]
