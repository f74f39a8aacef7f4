"""Logs in object stores: Arrow's own clients against a server that speaks as S3 and GCS do."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from object_stores import BUCKET, Bucket, serving
from tests_logs_rows import typed

from iolaus.core.errors import InputError
from iolaus.core.store import mark_store
from iolaus.logs import open_log
from iolaus.logs.propose import propose
from iolaus.logs.remote import located

Row = dict[str, Any]
ROOTS = {"s3": f"s3://{BUCKET}/log", "gs": f"gs://anonymous@{BUCKET}/log"}


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket, and the environment that leads both clients to it."""
    with serving(tmp_path / "bucket") as served:
        monkeypatch.setenv("AWS_ENDPOINT_URL", served.endpoint)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", served.endpoint)
        yield served


@pytest.fixture
def log(bucket: Bucket, row: Callable[..., Row]) -> Path:
    """Every kind of file: rows 0 to 9 in JSON lines, plain and packed, CSV, an array, Parquet."""
    exchanges = bucket.folder / "log" / "exchanges" / "day=2026-03-01"
    exchanges.mkdir(parents=True)
    lines = [json.dumps(row(n)).encode() + b"\n" for n in range(10)]
    (exchanges / "a.jsonl").write_bytes(b"".join(lines[:2]) + b"not JSON\n")
    (exchanges / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[2:4])))
    (exchanges / "c d.jsonl.zst").write_bytes(pa.compress(b"".join(lines[4:5]), "zstd", True))
    (exchanges / "e.json").write_bytes(b"[" + b",".join(lines[5:7]) + b"]")
    (exchanges / "f.csv").write_text(
        "exchange_id,ts,account_id,model\ne7,2026-03-01T12:00:00Z,a,m\n"
    )
    pq.write_table(typed([row(8), row(9)]), exchanges / "g.parquet")
    (exchanges / "_SUCCESS").write_bytes(b"")
    (bucket.folder / "log" / "accounts.jsonl").write_bytes(b'{"account_id": "a", "plan": "free"}\n')
    return bucket.folder / "log"


def rows(path: Path) -> list[Row]:
    found = open_log(path)
    return [row for batch in found.batches() for row in batch.to_pylist()]


@pytest.mark.parametrize("store", ROOTS)
def test_a_log_in_a_bucket_is_the_log_on_the_disk(store: str, log: Path) -> None:
    there, here = open_log(Path(ROOTS[store])), open_log(log)
    assert rows(Path(ROOTS[store])) == rows(log)
    assert [row["exchange_id"] for row in rows(log)] == [f"e{n}" for n in range(10)]
    assert [f.name for f in there.files] == [f.name for f in here.files]
    assert [f.size for f in there.files] == [f.size for f in here.files]
    assert [f.digest() for f in there.files] == [f.digest() for f in here.files]
    accounts = there.accounts()
    assert accounts is not None and accounts.equals(here.accounts())
    for found in (there, here):
        list(found.batches())
        assert found.rejects.counts == {"invalid JSON": 1}
    assert there.excerpts([(0, 0), (5, 1)]) == ["prompt 0", "prompt 9"]


@pytest.mark.parametrize("store", ROOTS)
def test_its_mapping_is_found_and_proposed(store: str, log: Path) -> None:
    (log / "mapping.toml").write_text('[exchanges]\nmodel = { value = "other" }\n')
    assert {row["model"] for row in rows(Path(ROOTS[store]))} == {"other"}
    assert propose(Path(ROOTS[store])) == propose(log)
    assert open_log(Path(ROOTS[store])).other_files[-1].digest()


def test_listings_say_sizes_so_that_no_object_is_asked_for_its_own(
    log: Path, bucket: Bucket
) -> None:
    found = located(Path(ROOTS["s3"])) / "exchanges"
    sizes = [path.stat().st_size for path in found.files()]  # type: ignore[attr-defined]
    assert len(sizes) == 7
    assert bucket.asked() == {"listing": 3}  # pages of 3 keys


def test_large_files_are_read_in_ranges(log: Path, bucket: Bucket) -> None:
    line = json.dumps({"exchange_id": "e{}", "ts": "2026-03-01T12:00:00Z", "account_id": "a",
                       "model": "m", "prompt": "x" * 1_000_000}) + "\n"  # fmt: skip
    text = "".join(line.replace("{}", str(n)) for n in range(20))
    path = log / "exchanges" / "day=2026-03-01" / "z.jsonl"
    path.write_text(text)
    list(open_log(Path(ROOTS["s3"])).batches())
    assert bucket.asked()["range"] >= 20_000_000 // (8 * 2**20)


@pytest.mark.parametrize("store", ROOTS)
def test_what_is_not_there_is_said(store: str, bucket: Bucket) -> None:
    bucket.folder.mkdir()
    with pytest.raises(InputError, match=r"there is no such directory") as error:
        open_log(Path(ROOTS[store]))
    assert ROOTS[store] in str(error.value)


@pytest.mark.parametrize("store", ROOTS)
def test_what_is_refused_names_the_credentials(store: str, log: Path, bucket: Bucket) -> None:
    bucket.refuse()
    with pytest.raises(InputError, match=r"does not answer as it should.*credentials"):
        open_log(Path(ROOTS[store]))


def test_an_object_that_is_gone_while_it_is_read_stops_the_run(log: Path) -> None:
    found = open_log(Path(ROOTS["s3"]))
    (log / "exchanges" / "day=2026-03-01" / "b.jsonl.gz").unlink()
    with pytest.raises(InputError, match=r"b\.jsonl\.gz.*cannot be read to its end"):
        list(found.batches())


def test_a_store_in_a_bucket_is_refused(log: Path) -> None:
    mark_store(log)
    with pytest.raises(InputError, match="read from a disk"):
        open_log(Path(ROOTS["s3"]))


def test_a_password_in_a_path_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match="credentials do not belong") as error:
        located(Path("s3://someone:geheim@bucket/log"))
    assert "geheim" not in str(error.value)


def test_paths_of_the_disk_stay_what_they_are(tmp_path: Path) -> None:
    assert located(tmp_path) is tmp_path
    assert type(located(Path("s3/bucket"))) is type(Path())
    assert str(located(Path("s3://bucket/a/b")) / "c") == "s3://bucket/a/b/c"
    assert str(located(Path("s3:/bucket/a"))) == "s3://bucket/a"
    with pytest.raises(OSError, match="only read"):
        located(Path("s3://bucket/a")).open("wb")
