"""Run as a program: a step on two executor processes, one of which is killed in its middle.

    python -m tests.engine.losing_an_executor DIRECTORY

Spark's local-cluster mode runs a master, two workers and two executors as on a cluster. Once a step
has tasks done and tasks running on both, one executor gets SIGKILL: what it runs, what it has
shuffled and what it keeps of a scratch table are lost, and must be made again. Writes
DIRECTORY/seen.json: the rows, the same by DuckDB, and what happened.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyspark

PATIENCE = 300.0  # seconds; every wait is for an event, and this is when it is given up
FILES, ROWS = 24, 8  # one task a file: two files are more than TASK_BYTES, one is not
TASK_BYTES = 1_000
ROUNDS = 10_000  # hashes per row: 8 * 10,000 a task, which is some tenths of a second
SCRATCH = "SELECT number, number % 5 AS part FROM few"  # other tasks than FILES
STEP = f"""
SELECT part, count(*) AS numbers, sum(hashes)::BIGINT AS hashes, min(lowest) AS lowest FROM (
    SELECT number, min(text_hash(concat_ws('|', number, round))) AS lowest, count(*) AS hashes
    FROM (SELECT number, unnest(range(0, {ROUNDS})) AS round FROM spread) GROUP BY number
) JOIN kept USING (number)
GROUP BY part ORDER BY part
"""
SETTINGS = {
    "spark.sql.files.maxPartitionBytes": f"{TASK_BYTES}b",  # a task for each file
    "spark.sql.files.openCostInBytes": str(TASK_BYTES),
    "spark.sql.adaptive.enabled": "false",  # or a few tasks would do
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "700m",
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


def main(directory: Path) -> None:
    os.environ["SPARK_HOME"] = str(home(directory / "home"))
    builder = pyspark.sql.SparkSession.builder.master("local-cluster[2,1,512]")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.config("spark.local.dir", str(directory / "spill")).getOrCreate()
    try:
        seen = disturbed(session, directory)
    finally:
        session.stop()
    (directory / "seen.json").write_text(json.dumps(seen))


def home(directory: Path) -> Path:
    """Where workers find Spark and write what executors print: PySpark's own place, by links."""
    directory.mkdir()
    for name in ("bin", "jars"):
        (directory / name).symlink_to(Path(pyspark.__file__).parent / name)
    return directory


def disturbed(session, directory: Path) -> dict[str, object]:
    from iolaus.engine import DuckEngine, Stages
    from iolaus.engine.spark import SparkEngine

    files = written(directory)
    with DuckEngine(Stages(directory / "duck", "one")) as duck:
        expected = run(duck, files).to_pylist()
    context = session.sparkContext
    wait_for("two executors", lambda: context._jsc.sc().getExecutorMemoryStatus().size() == 3)
    before = executors()
    killed = Kill(context, before[0])
    with SparkEngine(Stages(directory / "spark", "one")) as spark:
        rows = run(spark, files, before_the_step=killed.start)
        killed.ended.set()
    killed.join()
    return {
        "expected": expected,
        "rows": rows.to_pylist(),
        "executors": [process.pid for process in before],
        "killed": killed.killed,
        "was_running": killed.was_running,
    }


def written(directory: Path) -> list[Path]:
    from iolaus.core.files import write_table

    files = [directory / "spread" / f"{number:03d}.parquet" for number in range(FILES)]
    for number, file in enumerate(files):
        write_table(pa.table({"number": range(number * ROWS, number * ROWS + ROWS)}), file)
        assert TASK_BYTES / 2 < file.stat().st_size <= TASK_BYTES
    return files


def run(engine, files, before_the_step=lambda: None) -> pa.Table:
    engine.attach_files("spread", files)
    engine.register("few", pa.table({"number": range(FILES * ROWS)}))
    engine.scratch("kept", SCRATCH)
    engine.fetch("SELECT count(*) AS n FROM kept")  # made, and kept by executors
    before_the_step()
    engine.step("counted", STEP)
    return engine.fetch("SELECT * FROM counted ORDER BY part")


class Kill(threading.Thread):
    """Kills one executor in the middle of the next stage of many tasks."""

    def __init__(self, context, victim: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.tracker, self.victim = context.statusTracker(), victim
        self.ended = threading.Event()
        self.killed, self.was_running = 0, False

    def run(self) -> None:
        wait_for("a stage in its middle", self.in_the_middle)
        self.victim.send_signal(signal.SIGKILL)
        self.victim.wait(PATIENCE)
        self.killed, self.was_running = self.victim.pid, not self.ended.is_set()

    def in_the_middle(self) -> bool:
        for stage in self.tracker.getActiveStageIds():
            info = self.tracker.getStageInfo(stage)
            if info is None or info.numTasks != FILES:
                continue
            if info.numCompletedTasks > 1 and info.numActiveTasks == 2:  # one on each executor
                return True
        return False


def executors() -> list[psutil.Process]:
    """Executor processes below this one."""
    return [p for p in psutil.Process().children(recursive=True) if "CoarseGrained" in words(p)]


def words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return ""


def wait_for(what: str, of) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if of():
            return
        time.sleep(0.02)
    raise TimeoutError(what)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
