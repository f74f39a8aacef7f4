"""Sealed texts: opened with the right key alone, bound to their place, the same bytes each time."""

from datetime import date

import pyarrow as pa
import pytest
from store_rows import DAYS, exchanges

from iolaus.core.errors import ConfigError, InputError
from iolaus.core.tables import TEXT_COLUMNS
from iolaus.logs.privacy import Keys, seal, unseal, without_text
from iolaus.logs.privacy.keys import Key

pytest.importorskip("cryptography")
OLD, NEW = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
KEYS = Keys((OLD,))


def batch(day: date = DAYS[0]) -> pa.RecordBatch:
    return exchanges(day).combine_chunks().to_batches()[0]


def texts(rows: pa.RecordBatch) -> list[dict[str, str]]:
    return rows.select(["exchange_id", "account_id", *TEXT_COLUMNS]).to_pylist()


def test_what_was_sealed_is_opened() -> None:
    sealed = seal(batch(), KEYS, DAYS[0])
    assert list(unseal(sealed, KEYS)) == texts(batch())
    assert list(unseal(sealed, Keys((OLD, NEW)))) == texts(batch())  # after a rotation
    assert b"question" not in str(sealed.to_pydict()).encode()


def test_a_key_that_is_gone_is_said() -> None:
    with pytest.raises(ConfigError, match="no key 'k1'"):
        list(unseal(seal(batch(), KEYS, DAYS[0]), Keys((NEW,))))


def test_the_same_batch_has_the_same_bytes_and_no_two_batches_share_a_key() -> None:
    one, again = seal(batch(), KEYS, DAYS[0]), seal(batch(), KEYS, DAYS[0])
    assert one.equals(again)
    other = batch().set_column(
        batch().schema.get_field_index("response"), "response", pa.array(["changed"] * 8)
    )
    salts = {seal(b, KEYS, DAYS[0])["salt"][0].as_py() for b in (batch(), other, batch(DAYS[1]))}
    assert len(salts) == 3


@pytest.mark.parametrize("column", ["exchange_id", "account_id", "day", "salt", "number", "sealed"])
def test_a_row_that_was_moved_or_changed_is_refused(column: str) -> None:
    rows = seal(batch(), KEYS, DAYS[0]).to_pylist()
    other = seal(batch(DAYS[1]), KEYS, DAYS[1]).to_pylist()
    rows[0][column] = other[1][column]
    with pytest.raises(InputError, match="does not fit"):
        list(unseal(pa.Table.from_pylist(rows, schema=seal(batch(), KEYS, DAYS[0]).schema), KEYS))


def test_dropped_text_is_gone_and_nothing_else() -> None:
    left = without_text(batch())
    assert left.schema.equals(batch().schema)
    for name in left.schema.names:
        assert left[name].equals(batch()[name]) or name in TEXT_COLUMNS
        assert name not in TEXT_COLUMNS or left[name].null_count == 8


def test_rows_without_text_are_not_sealed() -> None:
    assert seal(without_text(batch()), KEYS, DAYS[0]).num_rows == 0
