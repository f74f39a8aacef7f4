"""Files of lines that grow, are rotated, renamed, cut off; and files that are read whole."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_making import ids, ingesting, look, rejects, run, write_lines

from iolaus.core.errors import InputError
from iolaus.logs.ingest import tail
from iolaus.logs.ingest.source import SETTLE_SECONDS
from iolaus.logs.ingest.tail import Place, blocks, is_continued
from iolaus.logs.lines import Line
from iolaus.logs.lines import lines as all_lines

LOTS = st.lists(
    st.sampled_from([b"{}", b'{"a": 1}', b"x", b"", b" ", b"\xff", b"\r", b"{" + b"y" * 40 + b"}"]),
    max_size=12,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def read_on(path: Path, place: Place) -> tuple[list[Line], Place]:
    found: list[Line] = []
    with path.open("rb") as file:
        for some, after in blocks(file, place):
            found += some
            place = after
    return found, place


@given(lot=LOTS, cuts=st.lists(st.integers(0, 300), max_size=4), block=st.integers(1, 40))
def test_a_file_that_grew_in_steps_has_the_lines_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, lot: list[bytes], cuts: list[int], block: int
):
    path = tmp_path_factory.mktemp("grown") / "a.jsonl"
    data = b"".join(line + b"\n" for line in lot)
    found: list[Line] = []
    place = Place()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "BLOCK_BYTES", block)
        for end in [*sorted(cuts), len(data)]:
            path.write_bytes(data[:end])
            assert is_continued(path, place, wholly=True) or not place.offset
            some, place = read_on(path, place)
            found += some
    assert found == list(all_lines(path, "a"))
    assert place.offset == len(data)


def test_a_line_that_is_too_long_is_passed_over_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tail, "BLOCK_BYTES", 16)
    monkeypatch.setattr(tail, "MAX_LINE", 50)
    path = tmp_path / "a.jsonl"
    fits = b'{"a": "' + b"y" * 41 + b'"}'
    path.write_bytes(b"{}\n" + b"z" * 90 + b"\n" + fits + b"\n" + b"{}")
    found, place = read_on(path, Place())
    assert found == [
        Line(0, b"{}", False), Line(1, b"", True), Line(2, fits, False), Line(3, b"{}", False)
    ]  # fmt: skip
    assert len(fits) == 50
    assert place.offset == path.stat().st_size
    assert is_continued(path, place, wholly=True)


def test_only_whole_lines_are_taken_and_their_numbers_stay_right(row: Any, log: Path, store: Path):
    path = log / "exchanges" / "a.jsonl"
    write_lines(path, row(1), b'{"exchange_id": "e2", "ts"', end=b"")
    with ingesting(log, store, follow=True) as (running, _):
        look(running)
        assert ids(store) == ["e1"]
        assert running.unfinished() == {"exchanges/a.jsonl": 26}
        text = b': "2026-03-01T12:00:00Z", "account_id": "a", "model": "m"}\n\nbad\n'
        write_lines(path, text, row(3), end=b"", append=True)  # the last one: whole, no newline yet
        look(running)
        assert ids(store) == ["e1", "e2", "e3"]
        assert running.unfinished() == {}
        write_lines(path, b"", b"worse", append=True)
        look(running)
    assert rejects(store) == [
        ("exchanges/a.jsonl", 4, "invalid JSON"), ("exchanges/a.jsonl", 7, "invalid JSON")
    ]  # fmt: skip


def test_rotation_by_renaming_or_by_cutting_off(row: Any, log: Path, store: Path):
    path = log / "exchanges" / "app.log"
    write_lines(path, *map(row, range(3)))
    with ingesting(log, store, follow=True) as (running, _):
        look(running)
        write_lines(path, row(3), append=True)  # written after the last look, before the rotation
        path.rename(path.with_name("zz-app.log"))
        write_lines(path, row(4))
        look(running)
        assert ids(store) == ["e0", "e1", "e2", "e3", "e4"]
        write_lines(path, row(5), b"{")  # cut off, and begun again
        look(running)
        write_lines(path.with_name("zz-app.log"), row(6), append=True)
        look(running)
        assert ids(store) == ["e0", "e1", "e2", "e3", "e4", "e5", "e6"]
        assert running.state.duplicates == 0


def test_what_is_read_again_all_the_same_is_a_duplicate(row: Any, log: Path, store: Path):
    path = log / "exchanges" / "a.jsonl"
    write_lines(path, row(1), row(2))
    run(log, store)
    write_lines(path, row(7), row(1), row(2), row(3))
    state = run(log, store)
    assert ids(store) == ["e1", "e2", "e3", "e7"]
    assert (state.read, state.stored, state.duplicates) == (6, 4, 2)


def test_a_file_of_another_kind_is_taken_when_it_has_settled(row: Any, log: Path, store: Path):
    path = log / "exchanges" / "a.csv"
    path.parent.mkdir(parents=True)
    head = "exchange_id,ts,account_id,model\n"
    path.write_text(head + "e1,2026-03-01T12:00:00Z,a,m\n")
    with ingesting(log, store, follow=True) as (running, _):
        look(running, 100.0)
        assert running.state.read == 0
        path.write_text(head + "e1,2026-03-01T12:00:00Z,a,m\ne2,2026-03-01T12:00:00Z,a,m\n")
        look(running, 100.0 + SETTLE_SECONDS)  # it has just changed
        assert running.state.read == 0
        look(running, 100.0 + 2 * SETTLE_SECONDS)
        assert ids(store) == ["e1", "e2"]


def test_a_parquet_file_is_taken_once_it_is_whole(
    row: Any, log: Path, store: Path, parquet_log: Any, tmp_path: Path
):
    parquet_log([row(1, ts=1_772_366_400_000_000)], name="exchanges/a.parquet")
    path = log / "exchanges" / "a.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with ingesting(log, store, follow=True) as (running, told):
        look(running)
        look(running)
        assert len(told) == 1 and "left until it changes" in told[0]
        path.write_bytes(whole)
        look(running)
        assert ids(store) == ["e1"]
        shutil.copy(path, tmp_path / "kept")
        parquet_log([row(n, ts=1_772_366_400_000_000) for n in (1, 2)], name="exchanges/a.parquet")
        look(running)
        assert ids(store) == ["e1", "e2"]
        assert running.state.duplicates == 1


def test_a_file_that_may_not_be_read_is_named(
    row: Any, log: Path, store: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in "abc":
        write_lines(log / "exchanges" / f"{name}.jsonl", row(name))
    plainly = Path.open

    def denied(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "a.jsonl":
            raise PermissionError(13, "Permission denied", str(path))
        if path.name == "b.jsonl":
            raise FileNotFoundError(2, "No such file", str(path))
        return plainly(path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", denied)
        with pytest.raises(InputError, match=r"exchanges/a\.jsonl: cannot be read: Permission"):
            run(log, store)
        with ingesting(log, store, follow=True) as (running, told):
            look(running)
            assert len(told) == 1 and "left until it changes" in told[0]
        assert ids(store) == ["ec"]
    run(log, store)
    assert ids(store) == ["ea", "eb", "ec"]


def test_trouble_is_said_once_and_waited_out(row: Any, log: Path, store: Path):
    write_lines(log / "exchanges" / "a.jsonl", row(1))
    (log / "accounts.parquet").write_bytes(b"PAR1 half")
    away = log.with_name("away")
    with ingesting(log, store, follow=True) as (running, told):
        look(running)
        look(running)
        assert ids(store) == ["e1"]
        assert len(told) == 1 and "accounts.parquet" in told[0]
        log.rename(away)
        look(running)
        look(running)
        assert len(told) == 2 and "no such directory" in told[1]
        away.rename(log)
        (log / "accounts.parquet").unlink()
        write_lines(log / "accounts.jsonl", {"account_id": "a"})
        write_lines(log / "exchanges" / "a.jsonl", row(2), append=True)
        look(running)
        assert ids(store) == ["e1", "e2"]
        assert len(told) == 2
    assert pq.read_table(store / "accounts.parquet")["account_id"].to_pylist() == ["a"]


def test_a_log_that_does_not_hold_anything_yet_is_waited_for(row: Any, log: Path, store: Path):
    log.mkdir()
    with ingesting(log, store, follow=True) as (running, _):
        look(running)
        write_lines(log / "exchanges" / "day=2026-03-01" / "a.jsonl", row(1))
        (log / "exchanges" / "notes.txt").write_text("")
        look(running)
        assert ids(store) == ["e1"]


def test_a_file_that_was_read_in_part_goes_on_there(
    row: Any, log: Path, store: Path, parquet_log: Any
):
    """A whole file's place is the number of its chunks that are stored."""
    lot = [row(n, ts=1_772_366_400_000_000) for n in range(30)]
    parquet_log(lot, name="exchanges/a.parquet", row_group_size=10)
    path = log / "exchanges" / "a.parquet"
    whole = path.read_bytes()
    with ingesting(log, store, batch_bytes=1) as (running, _):
        pieces = running._source.pieces(running.state, 0.0)
        piece = next(pieces)
        running._pending.add(piece, running._transform(piece.batch))
        piece.mark(running.state)
        assert running.commit()
        pieces.close()
    assert len(ids(store)) == 10
    assert path.read_bytes() == whole
    state = run(log, store)
    assert (state.read, state.stored, state.duplicates) == (30, 30, 0)


def test_a_first_line_that_is_not_whole_is_named_too(row: Any, log: Path, store: Path):
    write_lines(log / "exchanges" / "a.jsonl", b'{"exchange_id": "e1"', end=b"")
    write_lines(log / "exchanges" / "b.jsonl", row(2), end=b"\n \n  ")
    with ingesting(log, store) as (running, _):
        look(running)
        assert running.unfinished() == {"exchanges/a.jsonl": 20}
    assert ids(store) == ["e2"]


def test_files_that_are_not_read_are_named(row: Any, log: Path, store: Path):
    write_lines(log / "exchanges" / "a.jsonl", row(1))
    (log / "exchanges" / "a.jsonl.1").write_text("")
    with ingesting(log, store) as (running, told):
        look(running)
        look(running)
    assert told == ["of no known format, not read: exchanges/a.jsonl.1"]
    assert len(pq.read_table(next((store / "exchanges").glob("*/*")))) == 1
