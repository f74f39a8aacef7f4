"""One Spark for all tests of a worker; they are skipped where there is no PySpark or no Java."""

import shutil

import pytest

from iolaus.engine import Stages

pytest.register_assert_rewrite("tests.engine.twin")

# Most of what a small test costs Spark is compiling: the first compiler is enough, and generated
# code need not be.
QUICK = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.ui.enabled": "false",
    "spark.driver.host": "localhost",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "900m",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


@pytest.fixture(scope="session")
def spark_session():
    sql = pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("there is no Java")
    builder = sql.SparkSession.builder.master("local[2]").appName("tests")
    for name, value in QUICK.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def spark(spark_session, tmp_path):
    from iolaus.engine.spark import SparkEngine

    with SparkEngine(Stages(tmp_path / "spark", "one")) as engine:
        yield engine
