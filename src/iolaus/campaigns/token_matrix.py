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
from iolaus.campaigns.tallies import as_bits, words
from iolaus.core.tables import FAMILIES, TOKEN_KINDS
from iolaus.engine import Table, rows_in_order

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
        return np.asarray(among & ~self.of_kind("client_software"))

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
    # Of both number types scipy takes the wider: 4 bytes more for every entry, in every copy.
    ends = start.astype(np.int32 if read < 2**31 else np.int64)
    places = (ones, _joined(account, np.int32), ends)
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
