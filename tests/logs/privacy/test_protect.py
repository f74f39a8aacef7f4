"""What goes into the store under each policy."""

import subprocess
import sys

import pyarrow as pa
import pytest
from store_rows import DAYS, exchanges

from iolaus.core.errors import ConfigError
from iolaus.core.tables import TEXT_COLUMNS
from iolaus.logs.privacy import SEALED, Keys, Protector, candidates, unseal
from iolaus.logs.privacy.keys import Key

KEYS = Keys((Key("k1", b"1" * 32), Key("k2", b"2" * 32)))
BATCH = exchanges(DAYS[0]).combine_chunks().to_batches()[0]


def no_text(batch: pa.RecordBatch) -> bool:
    return all(batch[name].null_count == batch.num_rows for name in TEXT_COLUMNS)


def test_text_is_dropped_sealed_or_kept() -> None:
    pytest.importorskip("cryptography")
    done = {text: Protector(KEYS, text=text).exchanges(BATCH, DAYS[0])
            for text in ("drop", "encrypt", "keep")}  # fmt: skip
    assert no_text(done["drop"].exchanges)
    assert no_text(done["encrypt"].exchanges)
    assert done["keep"].exchanges["prompt"].equals(BATCH["prompt"])
    assert [p.sealed.num_rows for p in done.values()] == [0, 8, 0]
    for protected in done.values():
        assert protected.exchanges.schema.equals(BATCH.schema)
        assert (
            protected.exchanges["account_id"][1].as_py() == candidates("acct1", "account", KEYS)[0]
        )
    opened = list(unseal(done["encrypt"].sealed, KEYS))
    assert [row["prompt"] for row in opened] == BATCH["prompt"].to_pylist()
    assert opened[1]["account_id"] == candidates("acct1", "account", KEYS)[0]


def test_without_cryptography_only_sealing_is_refused_and_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for text in ("drop", "keep"):
        assert Protector(KEYS, text=text).exchanges(BATCH, DAYS[0]).sealed.num_rows == 0
    with pytest.raises(ConfigError, match=r"pip install 'iolaus\[privacy\]'"):
        Protector(KEYS, text="encrypt")
    with pytest.raises(ConfigError, match=r"pip install 'iolaus\[privacy\]'"):
        next(unseal(SEALED.empty_table(), KEYS))


def test_the_receiver_needs_nothing_of_the_extra_for_privacy() -> None:
    pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")
    code = (
        "import sys; sys.modules['cryptography'] = None; "
        "import iolaus.logs.receiver, iolaus.logs.privacy, iolaus.app.cli"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_aliases_are_gathered_over_batches() -> None:
    protector = Protector(KEYS, purposes=["account"])
    protector.exchanges(BATCH.slice(0, 2), DAYS[0])
    protector.table(pa.table({"account_id": ["acct3"]}))
    new = [row["new"] for row in protector.aliases().to_pylist()]
    assert sorted(new) == sorted(candidates(f"acct{n}", "account", KEYS)[0] for n in (0, 1, 3))


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ConfigError, match="one of drop"):
        Protector(KEYS, text="burn")
