"""Tokens as sparse matrices: accounts in rows, tokens in columns, 1 where the account holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import DTypeLike, NDArray

from iolaus.campaigns.holdings import Holdings
from iolaus.core.tables import FAMILIES, TOKEN_KINDS
from iolaus.engine import Table, rows_in_order

HEAVY = 16  # times as many tokens: finding one of them costs about log2(1e6) = 20 steps

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class TokenMatrix:
    """`held_by_token`: accounts x tokens, 0 or 1, stored by token; `shown`, in the same places:
    exchanges in which the account showed the token. Per token: family (index into
    FAMILIES), kind (into TOKEN_KINDS), holders."""

    held_by_token: sp.csc_array
    shown: NDArray[np.float32]
    family: NDArray[np.int8]
    kind: NDArray[np.int8]
    holders: Ints

    @cached_property
    def held(self) -> sp.csr_array:
        """The same, stored by account: quick to take a few accounts from."""
        return self.held_by_token.tocsr()

    @cached_property
    def holdings(self) -> Holdings:
        """The same, for compiled loops."""
        return Holdings(self.held.indptr, self.held.indices, self.held.shape[1])

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

    def most(self, limits: Mapping[str, int]) -> Ints:
        """Per token the limit of its kind; 0 where that has none."""
        return np.asarray([limits.get(kind, 0) for kind in TOKEN_KINDS], dtype=np.int64)[self.kind]

    def of_kind(self, kind: str) -> NDArray[np.bool_]:
        """Which tokens are of a kind."""
        return np.asarray(self.kind == TOKEN_KINDS.index(kind))

    def held_by(self, accounts: Ints) -> tuple[Ints, Ints]:
        """What some accounts hold: places along `accounts`, and tokens."""
        return _taken(self.held.indptr, self.held.indices, accounts)

    def held_among(self, accounts: Ints, tokens: Ints) -> tuple[Ints, Ints]:
        """What some accounts hold of some tokens (sorted): places along both. An account that holds
        far more tokens than are asked for is asked for each of these."""
        start = self.held.indptr
        heavy = start[accounts + 1] - start[accounts] > HEAVY * (tokens.size + 1)
        light = np.flatnonzero(~heavy)
        rows, held = self.held_by(accounts[light])
        at = np.minimum(np.searchsorted(tokens, held), max(tokens.size - 1, 0))
        known = tokens[at] == held if tokens.size else np.zeros(held.size, dtype=bool)
        places, found = [light[rows[known]]], [at[known]]
        for place in np.flatnonzero(heavy):
            one = accounts[place]
            own = self.held.indices[start[one] : start[one + 1]]
            at = np.minimum(np.searchsorted(own, tokens.astype(own.dtype)), own.size - 1)
            found.append(np.flatnonzero(own[at] == tokens))
            places.append(np.full(found[-1].size, place))
        return np.concatenate(places), np.concatenate(found)

    def holders_of(self, tokens: Ints) -> Ints:
        """Who holds some tokens, once for every token held."""
        start, accounts = self.held_by_token.indptr, self.held_by_token.indices
        parts = [accounts[start[t] : start[t + 1]] for t in tokens]  # views: few are taken, or long
        return np.concatenate([np.empty(0, dtype=np.int64), *parts])

    def columns(self, chosen: NDArray[np.bool_]) -> "TokenMatrix":
        """The same accounts with the chosen tokens alone."""
        shown = self.shown[np.repeat(chosen, np.diff(self.held_by_token.indptr))]
        kept = (self.family[chosen], self.kind[chosen], self.holders[chosen])
        return TokenMatrix(self.held_by_token[:, chosen], shown, *kept)

    def of_family(self, family: str) -> "TokenMatrix":
        return self.columns(self.family == FAMILIES.index(family))


def _taken(pointers: Ints, indices: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """The entries of some rows of a matrix stored by rows: places along `rows`, and columns."""
    start = pointers[rows].astype(np.int64)
    length = pointers[rows + 1] - start
    which = np.repeat(np.arange(rows.size), length)
    shift = start - np.concatenate([[0], np.cumsum(length)[:-1]])[: rows.size]
    return which, indices[np.arange(which.size) + shift[which]].astype(np.int64)


def token_matrix(tokens: Table, accounts: int) -> TokenMatrix:
    """Load the tokens table, in whose order the holders of a token stand together, a batch of rows
    at a time: what kind a token is is kept once per token."""
    account, shown, first, family, kind = [], [], [], [], []
    read, last = 0, (-1, -1)
    for batch in rows_in_order(tokens, ("account", "family", "kind", "value", "exchanges")):
        kinds, values = _numbered(batch["kind"], TOKEN_KINDS), batch["value"].to_numpy()
        begins = np.ones(values.size, dtype=bool)
        begins[0] = last != (kinds[0], values[0])
        begins[1:] = (values[1:] != values[:-1]) | (kinds[1:] != kinds[:-1])
        last = (kinds[-1], values[-1])
        first.append(read + np.flatnonzero(begins))
        kind.append(kinds[begins])
        family.append(_numbered(batch["family"], FAMILIES)[begins])
        account.append(batch["account"].to_numpy().astype(np.int32))
        shown.append(batch["exchanges"].to_numpy().astype(np.float32))
        read += values.size
    start = np.append(_joined(first, np.int64), read)
    ones = np.ones(read, dtype=np.float32)
    places = (ones, _joined(account, np.int32), start)
    held = sp.csc_array(places, shape=(accounts, start.size - 1))
    per_token = (_joined(family, np.int8), _joined(kind, np.int8), np.diff(start))
    return TokenMatrix(held, _joined(shown, np.float32), *per_token)


def _numbered(names: pa.Array, among: Sequence[str]) -> NDArray[np.int8]:
    """Places of names among others."""
    known = names.dictionary_encode()
    places = np.asarray([among.index(name) for name in known.dictionary.to_pylist()], dtype=np.int8)
    numbers: NDArray[np.int8] = places[known.indices.to_numpy()]
    return numbers


def _joined(parts: list[NDArray[Any]], kind: DTypeLike) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=kind), *parts])
