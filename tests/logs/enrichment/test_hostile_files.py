"""Any bytes as a file: used in part and counted, or refused with a ConfigError; never a crash."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making_mmdb import write_mmdb

from iolaus.core.errors import ConfigError
from iolaus.logs.enrichment import CsvFile, EnrichmentFiles, compile_files

QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
TOKENS = [
    b"192.0.2.0/24", b"192.0.2.1", b"2001:db8::/32", b"AS64500", b"DE", b"1-2", b"1.1.1.1-9.9.9.9",
    b"network,country", b"start_ip,end_ip,asn", b",", b"\t", b'"', b"\n", b"\r\n", b"#", b"\0",
    b"\xff", b"\xef\xbb\xbf", b"/", b"-", b"9" * 40, "\u202e".encode(), b"=1+1", b"{",
    b"trash.example",
]  # fmt: skip
LINES = st.lists(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8)), max_size=60).map(
    b"".join
)


def compiled(kind: str, path: Path) -> Any:
    entry: Any = CsvFile(path) if kind == "csv" else path
    try:
        return compile_files(EnrichmentFiles(**{kind: (entry,)}))
    except ConfigError as error:
        assert error.next_step
        return None


@pytest.mark.parametrize("kind", ["csv", "tor", "disposable_mail"])
@pytest.mark.parametrize("packed", [False, True])
@QUICK
@given(data=LINES)
def test_any_text_file(kind: str, packed: bool, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    done = compiled(kind, path)
    if done is not None and kind != "csv":  # no line is lost in silence
        lines = data.decode("utf-8-sig", "replace").split("\n")
        said = [x for x in lines if re.split("[#;]", x)[0].strip()]
        assert done.reports[0].entries + done.reports[0].bad == len(said)


@QUICK
@given(
    cut=st.integers(0, 600),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=6),
)
def test_any_mmdb(cut: int, flips: list[tuple[int, int]], tmp_path: Path) -> None:
    pytest.importorskip("maxminddb")
    path = tmp_path / "file.mmdb"
    records = {f"192.0.{n}.0/24": {"country": {"iso_code": "DE"}, "asn": n} for n in range(4)}
    data = bytearray(write_mmdb(path, records, version=4).read_bytes())
    for at, change in flips:
        data[at % len(data)] ^= change
    path.write_bytes(bytes(data[: max(0, len(data) - cut)] if cut < 300 else data))
    compiled("mmdb", path)
