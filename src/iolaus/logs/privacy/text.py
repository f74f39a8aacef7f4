"""What becomes of prompts and responses: dropped after features, sealed for some days, or kept.

Sealed texts lie apart from the exchanges, by day, so that they go with their day's directory and
no scan has to read past them. Each batch is sealed under a key of its own:

1. salt: the first 16 bytes of an HMAC of the batch's ids and texts, so that the same batch always
   gives the same bytes and two different batches never share a key;
2. key: HKDF-SHA-256 (RFC 5869) of the 'text' subkey with that salt and the day;
3. nonce: the row's number in the batch, 12 bytes;
4. AES-256-GCM of the three texts as JSON, bound to exchange, account and day.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from iolaus.core.errors import ConfigError, InputError
from iolaus.core.tables import TEXT_COLUMNS
from iolaus.logs.privacy.keys import Key, Keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

POLICIES: Final = ("drop", "encrypt", "keep")
SALT_BYTES, NONCE_BYTES = 16, 12
SEALED: Final = pa.schema(
    [
        ("exchange_id", pa.string()),
        ("account_id", pa.string()),
        ("day", pa.date32()),
        ("key", pa.string()),  # name of the key
        ("salt", pa.binary(SALT_BYTES)),
        ("number", pa.int32()),  # of the row in its batch
        ("sealed", pa.binary()),  # ciphertext and tag
    ]
)


def without_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its texts null."""
    columns = [
        pa.nulls(batch.num_rows, column.type) if name in TEXT_COLUMNS else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def seal(batch: pa.RecordBatch, keys: Keys, day: date) -> pa.Table:
    """The batch's texts under the newest key, as SEALED; rows without any text are left out.

    In: exchange_id, account_id (as the store has it) and TEXT_COLUMNS, all of one UTC day.
    """
    rows = batch.select(["exchange_id", "account_id", *TEXT_COLUMNS]).to_pylist()
    rows = [row for row in rows if any(row[name] is not None for name in TEXT_COLUMNS)]
    if not rows:
        return SEALED.empty_table()
    texts = [json.dumps([row[n] for n in TEXT_COLUMNS]).encode() for row in rows]
    bound = [_bound(row["exchange_id"], row["account_id"], day) for row in rows]
    salt = _salt(keys.newest, bound, texts)
    cipher = _cipher(keys.newest, salt, day)
    columns = [
        [row["exchange_id"] for row in rows],
        [row["account_id"] for row in rows],
        [day] * len(rows),
        [keys.newest.name] * len(rows),
        [salt] * len(rows),
        range(len(rows)),
        [cipher.encrypt(_nonce(i), text, bound[i]) for i, text in enumerate(texts)],
    ]
    return pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, SEALED, strict=True)], schema=SEALED
    )


def unseal(sealed: pa.Table, keys: Keys) -> Iterator[dict[str, str | None]]:
    """exchange_id, account_id and TEXT_COLUMNS of each row. Raises InputError for a row that was
    changed since, ConfigError for a key that is gone."""
    require_cryptography()
    from cryptography.exceptions import InvalidTag

    ciphers: dict[tuple[str, bytes, date], AESGCM] = {}
    for row in sealed.to_pylist():
        which = (row["key"], row["salt"], row["day"])
        if which not in ciphers:
            ciphers[which] = _cipher(keys.named(row["key"]), row["salt"], row["day"])
        bound = _bound(row["exchange_id"], row["account_id"], row["day"])
        try:
            text = ciphers[which].decrypt(_nonce(row["number"]), row["sealed"], bound)
        except InvalidTag:
            raise InputError(
                "its sealed text does not fit its key, exchange, account and day.",
                where=f"exchange {row['exchange_id']}",
                next_step="Restore the file from a backup: it was changed or damaged.",
            ) from None
        yield {"exchange_id": row["exchange_id"], "account_id": row["account_id"],
               **dict(zip(TEXT_COLUMNS, json.loads(text), strict=True))}  # fmt: skip


def _bound(exchange_id: str, account_id: str, day: date) -> bytes:
    return json.dumps([exchange_id, account_id, day.isoformat()]).encode()


def _salt(key: Key, bound: list[bytes], texts: list[bytes]) -> bytes:
    digest = hmac.new(key.subkey("salt"), digestmod=hashlib.sha256)
    for part in (*bound, *texts):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()[:SALT_BYTES]


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES, "big")


def _cipher(key: Key, salt: bytes, day: date) -> "AESGCM":
    require_cryptography()
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), 32, salt, b"iolaus/1/text/" + day.isoformat().encode())
    return AESGCM(derived.derive(key.subkey("text")))


def require_cryptography() -> None:
    """Raise ConfigError where the package that encrypts is missing."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            'sealed texts (text = "encrypt") need the package cryptography.',
            where="[privacy]",
            next_step="Install it: pip install 'iolaus[privacy]'.",
        ) from error
