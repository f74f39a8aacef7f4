"""Tokens as sparse matrices: accounts in rows, tokens in columns, 1 where the account holds it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.tallies import as_bits, words
from iolaus.core.tables import FAMILIES
from iolaus.engine import Engine, Table

# Of all accounts: to read a bit for each of them is then quicker than to look up each holder.
CROWD_SHARE = 1 / 128
MOST_CROWDS = 1024  # 128 bytes per account

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Crowds:
    """Who holds the tokens of many holders, in bits. `row`: per token, -1 for any other; `bits`:
    rows x words of 64 accounts."""

    row: NDArray[np.int32]
    bits: NDArray[np.uint64]


@dataclass(frozen=True)
class TokenMatrix:
    """`held_by_token`: accounts x tokens, 0 or 1, stored by token; `shown`, in the same places:
    exchanges in which the account showed the token. Per token: family (index into FAMILIES), kind,
    holders."""

    held_by_token: sp.csc_array
    shown: NDArray[np.float32]
    family: Ints
    kind: NDArray[np.object_]
    holders: Ints

    @cached_property
    def held(self) -> sp.csr_array:
        """The same, stored by account: quick to take a few accounts from."""
        return self.held_by_token.tocsr()

    @cached_property
    def exchanges(self) -> sp.csr_array:
        """Accounts x tokens, exchanges in which the account showed the token."""
        by_token = self.held_by_token
        places = (self.shown, by_token.indices, by_token.indptr)
        return sp.csc_array(places, shape=by_token.shape).tocsr()

    @cached_property
    def worded(self) -> bool:
        """Whether the log has wordings at all."""
        return bool((self.family == FAMILIES.index("wording")).any())

    @cached_property
    def crowds(self) -> Crowds:
        """The tokens of many holders, MOST_CROWDS at most, those of most holders first."""
        accounts = self.held_by_token.shape[0]
        many = np.flatnonzero(self.holders > CROWD_SHARE * accounts)
        chosen = many[np.argsort(-self.holders[many], kind="stable")[:MOST_CROWDS]]
        row = np.full(self.holders.size, -1, dtype=np.int32)
        row[chosen] = np.arange(chosen.size)
        bits = np.zeros((chosen.size, words(accounts)), dtype=np.uint64)
        as_bits(self.held_by_token.indptr, self.held_by_token.indices, chosen, bits)
        return Crowds(row, bits)

    @cached_property
    def identities(self) -> NDArray[np.bool_]:
        """The tokens that say who an account is: cards, devices, addresses, sign-ups."""
        families = [FAMILIES.index(f) for f in ("money", "device", "network", "registration")]
        among = np.isin(self.family, families)
        return np.asarray(among & (self.kind != "client_software"))

    @cached_property
    def cards_and_devices(self) -> NDArray[np.bool_]:
        """The tokens that colleagues and families share among themselves."""
        families = [FAMILIES.index(f) for f in ("money", "device")]
        return np.asarray(self.identities & np.isin(self.family, families))

    def columns(self, chosen: NDArray[np.bool_]) -> "TokenMatrix":
        """The same accounts with the chosen tokens alone."""
        shown = self.shown[np.repeat(chosen, np.diff(self.held_by_token.indptr))]
        kept = (self.family[chosen], self.kind[chosen], self.holders[chosen])
        return TokenMatrix(self.held_by_token[:, chosen], shown, *kept)

    def of_family(self, family: str) -> "TokenMatrix":
        return self.columns(self.family == FAMILIES.index(family))


def token_matrix(engine: Engine, tokens: Table, accounts: int) -> TokenMatrix:
    """Load the tokens table: its rows as numbers alone, what kind a token is once per token."""
    names = engine.fetch(
        f"""
        SELECT kind, any_value(family) AS family, any_value(holders) AS holders,
               count(*) AS n
        FROM {tokens.name} GROUP BY kind, value ORDER BY kind, value
        """
    )
    rows = engine.fetch(
        f"SELECT account, exchanges::FLOAT AS exchanges FROM {tokens.name} "
        "ORDER BY kind, value, account"
    )
    start = np.concatenate([[0], np.cumsum(names["n"].to_numpy())])
    # Of both number types scipy takes the wider: 4 bytes more for every entry, in every copy.
    start = start.astype(np.int32 if rows.num_rows < 2**31 else np.int64)
    account = rows["account"].to_numpy().astype(np.int32)
    ones = np.ones(account.size, dtype=np.float32)
    held = sp.csc_array((ones, account, start), shape=(accounts, names.num_rows))
    family = np.asarray([FAMILIES.index(f) for f in names["family"].to_pylist()], dtype=np.int64)
    kind = np.asarray(names["kind"].to_pylist(), dtype=object)
    holders = names["holders"].to_numpy().astype(np.int64)
    return TokenMatrix(held, rows["exchanges"].to_numpy(), family, kind, holders)
