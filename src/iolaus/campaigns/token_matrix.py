"""Tokens as sparse matrices: accounts in rows, tokens in columns, 1 where the account holds it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.core.tables import FAMILIES
from iolaus.engine import Engine, Table


@dataclass(frozen=True)
class TokenMatrix:
    """`held`: accounts x tokens, 0 or 1. Per token: family (index into FAMILIES), kind, holders."""

    held: sp.csr_array
    family: NDArray[np.int64]
    kind: NDArray[np.object_]
    holders: NDArray[np.int64]
    exchanges: sp.csr_array  # the same places: exchanges in which the account showed the token

    @cached_property
    def held_by_token(self) -> sp.csc_array:
        """`held`, stored by token: quick to take a few tokens from."""
        return self.held.tocsc()

    def columns(self, chosen: NDArray[np.bool_]) -> "TokenMatrix":
        """The same accounts with the chosen tokens alone."""
        held = self.held_by_token[:, chosen].tocsr()
        exchanges = sp.csc_array(self.exchanges)[:, chosen].tocsr()
        kept = (self.family[chosen], self.kind[chosen], self.holders[chosen])
        return TokenMatrix(held, *kept, exchanges)

    def of_family(self, family: str) -> "TokenMatrix":
        return self.columns(self.family == FAMILIES.index(family))


def token_matrix(engine: Engine, tokens: Table, accounts: int) -> TokenMatrix:
    """Load the tokens table."""
    rows = engine.fetch(
        f"""
        SELECT account, dense_rank() OVER (ORDER BY kind, value) - 1 AS token, family, kind,
               holders, exchanges
        FROM {tokens.name} ORDER BY token, account
        """
    )
    account, token = rows["account"].to_numpy(), rows["token"].to_numpy()
    count = int(token[-1]) + 1 if token.size else 0
    first = np.searchsorted(token, np.arange(count))
    family = np.asarray([FAMILIES.index(f) for f in rows["family"].take(first).to_pylist()], int)
    kind = np.asarray(rows["kind"].take(first).to_pylist(), dtype=object)
    holders = rows["holders"].to_numpy()[first].astype(np.int64)
    shape = (accounts, count)
    held = sp.csr_array((np.ones(token.size, dtype=np.float32), (account, token)), shape=shape)
    shown = rows["exchanges"].to_numpy().astype(np.float32)
    exchanges = sp.csr_array((shown, (account, token)), shape=shape)
    return TokenMatrix(held, family, kind, holders, exchanges)
