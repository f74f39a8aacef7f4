"""A store over a rotation: after renaming, one account has one name, and nothing else changed."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from store_rows import ASKING, DAYS, exchanges, put

from iolaus.core.tables import ACCOUNTS
from iolaus.logs import open_log
from iolaus.logs.privacy import AccessLog, Keys, Protector, rename_store, renaming, resolved
from iolaus.logs.privacy.keys import Key

OLD, NEW = Key("k1", b"1" * 32), Key("k2", b"2" * 32)


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """The first day under the old key, the others under the new one; accounts under both."""
    store = tmp_path / "store"
    before, after = Protector(Keys((OLD,))), Protector(Keys((OLD, NEW)))
    accounts = [
        {"account_id": f"acct{n}", "plan": "free", "signup_ip": f"192.0.2.{n}"} for n in range(4)
    ]
    table = pa.Table.from_pylist(accounts, schema=ACCOUNTS)
    paid = table.set_column(table.column_names.index("plan"), "plan", pa.array(["enterprise"] * 4))
    for day in DAYS:
        protector = before if day == DAYS[0] else after
        batch = exchanges(day).combine_chunks().to_batches()[0]
        stored = protector.exchanges(batch, day).exchanges
        put(pa.Table.from_batches([stored]), store / "exchanges" / f"day={day}" / "0.parquet")
    put(pa.concat_tables([before.table(table), after.table(paid)]), store / "accounts.parquet")
    put(after.aliases(), store / "aliases.parquet")
    return store


def read(store: Path) -> pa.Table:
    return pa.Table.from_batches(open_log(store).batches())


def test_one_account_has_one_name(rotated: Path, access: AccessLog) -> None:
    before = read(rotated)
    assert len(set(before["account_id"].to_pylist())) == 8
    assert rename_store(rotated, access=access, asking=ASKING) == 2  # the first day, the accounts
    after = read(rotated)
    assert len(set(after["account_id"].to_pylist())) == 4
    assert all(name.startswith("k2") for name in after["account_id"].to_pylist())
    assert all(ip.startswith("k2.4.") for ip in after["client_ip"].to_pylist())
    same = [n for n in before.column_names if n not in ("account_id", "client_ip")]
    assert after.select(same).equals(before.select(same))
    accounts = open_log(rotated).accounts()
    assert accounts["plan"].to_pylist() == ["enterprise"] * 4  # the later row
    assert set(accounts["account_id"].to_pylist()) == set(after["account_id"].to_pylist())
    assert access.records()[0]["what"]["files"] == 2
    assert rename_store(rotated, access=access, asking=ASKING) == 0
    assert len(access.records()) == 1


@pytest.mark.parametrize("files", [1, 2])
def test_a_killed_renaming_is_finished(
    files: int, rotated: Path, access: AccessLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, done = renaming._rename, []

    def killed(path: Path, aliases: pa.Table) -> None:
        real(path, aliases)
        done.append(path)
        if len(done) == files:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(renaming, "_rename", killed)
        with pytest.raises(KeyboardInterrupt):
            rename_store(rotated, access=access, asking=ASKING)
    assert rename_store(rotated, access=access, asking=ASKING) == 2 - files
    assert len(set(read(rotated)["account_id"].to_pylist())) == 4
    assert open_log(rotated).accounts()["plan"].to_pylist() == ["enterprise"] * 4


def test_a_store_without_aliases(store: Any, access: AccessLog) -> None:
    assert rename_store(store("drop"), access=access, asking=ASKING) == 0
    assert access.records() == []


def test_aliases_are_resolved_to_their_ends(rotated: Path) -> None:
    aliases = pq.read_table(rotated / "aliases.parquet")
    assert resolved(aliases).sort_by("old").equals(aliases.sort_by("old"))
    rows = [{"purpose": "account", "old": x, "new": y} for x, y in ("ab", "bc")]
    chain = resolved(pa.Table.from_pylist(rows, schema=aliases.schema)).to_pylist()
    assert [(row["old"], row["new"]) for row in chain] == [("a", "c"), ("b", "c")]
