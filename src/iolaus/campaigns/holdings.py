"""holdings: compiled loops over which tokens accounts hold.

A log has a million accounts and tens of millions of holdings, which a matrix product would copy,
and sort, for every group that is asked about.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel

Ints = NDArray[np.int64]
Whole = NDArray[np.signedinteger[Any]]  # of any width: the narrowest that does
Floats = NDArray[np.float64]

SEARCH: Final = 16  # times as many tokens: to search each in the longer list costs less
SPREAD: Final = 2654435769  # 2**32 / golden ratio: neighbours end up far apart (Knuth, vol. 3, 6.4)


@dataclass(frozen=True)
class Holdings:
    """Which of `tokens` tokens accounts hold: account a `held[start[a]:start[a + 1]]`, sorted."""

    start: Whole
    held: Whole
    tokens: int

    def only(self, chosen: NDArray[np.bool_]) -> "Holdings":
        """The chosen tokens alone, numbered anew."""
        number = np.where(chosen, np.cumsum(chosen) - 1, -1).astype(np.int32)
        start = np.zeros(self.start.size, np.int64)
        _count_kept(self.start, self.held, number, start)
        held = np.empty(int(start[-1]), np.int32)
        _keep(self.start, self.held, number, held)
        return Holdings(start, held, int(chosen.sum()))

    def in_common(self, drawn: Ints) -> "InCommon":
        """What the accounts of each row of `drawn` (draws x accounts) hold in common; an account
        that stands twice in a row counts once."""
        counted = np.zeros((4, drawn.shape[0]), np.int64)
        _count_common(self.start, self.held, self.tokens, np.sort(drawn, axis=1), counted)
        return InCommon(*counted)


@dataclass(frozen=True)
class InCommon:
    """Per draw: accounts; what they hold, counted for each holder, and each token once; and how
    many of the accounts hold the commonest token."""

    accounts: Ints
    holdings: Ints
    distinct: Ints
    most: Ints


@kernel
def _count_kept(start: Whole, held: Whole, number: Whole, kept: Whole) -> None:
    for account in range(start.size - 1):
        kept[account + 1] = kept[account]
        for at in range(start[account], start[account + 1]):
            kept[account + 1] += number[held[at]] >= 0


@kernel
def _keep(start: Whole, held: Whole, number: Whole, kept: Whole) -> None:
    place = 0
    for at in range(start[0], start[-1]):
        if number[held[at]] >= 0:
            kept[place] = number[held[at]]
            place += 1


@kernel
def _count_common(start: Whole, held: Whole, tokens: int, drawn: Ints, counted: Ints) -> None:
    """`drawn`: sorted rows; `counted`: 4 x draws. Tokens are looked up in a hash table as large as
    a draw needs, so that few accounts cost little however many tokens the log has."""
    longest = 0
    for draw in range(drawn.shape[0]):
        length = 0
        for account in drawn[draw]:
            length += start[account + 1] - start[account]
        longest = max(longest, length)
    bits = 4
    while 1 << bits < 2 * longest:
        bits += 1
    direct = 1 << bits >= tokens
    size = tokens if direct else 1 << bits
    key, last = np.empty(size, np.int32), np.full(size, -1, np.int32)
    holders = np.empty(size, np.int32)
    for draw in range(drawn.shape[0]):
        accounts, holdings, distinct, most, before = 0, 0, 0, 0, -1
        for account in drawn[draw]:
            if account == before:
                continue
            before = account
            accounts += 1
            for at in range(start[account], start[account + 1]):
                token = np.int64(held[at])
                slot = token if direct else ((token * SPREAD) & 0xFFFFFFFF) >> (32 - bits)
                while last[slot] == draw and key[slot] != token:
                    slot = (slot + 1) & (size - 1)
                if last[slot] != draw:
                    last[slot], key[slot], holders[slot] = draw, token, 0
                    distinct += 1
                holders[slot] += 1
                holdings += 1
                most = max(most, holders[slot])
        counted[0, draw], counted[1, draw] = accounts, holdings
        counted[2, draw], counted[3, draw] = distinct, most


@kernel
def rarest_common(
    start: Whole, held: Whole, column: Whole, worth: Floats, a: Ints, b: Ints, best: Floats
) -> None:
    """Raise `best` (pairs x columns), for each pair of accounts, to what the dearest token that
    both hold is worth in its column. Tokens of a column below 0 do not count."""
    for pair in range(a.size):
        i, last_i = start[a[pair]], start[a[pair] + 1]
        j, last_j = start[b[pair]], start[b[pair] + 1]
        if last_i - i > last_j - j:
            i, last_i, j, last_j = j, last_j, i, last_i
        search = last_j - j > SEARCH * (last_i - i)
        while i < last_i and j < last_j:
            if search:
                j = _first_from(held, j, last_j, held[i])
                if j == last_j:
                    break
            token, other = held[i], held[j]
            if token == other:
                place = column[token]
                if place >= 0 and worth[token] > best[pair, place]:
                    best[pair, place] = worth[token]
            i += token <= other
            j += token >= other


@kernel
def _first_from(held: Whole, low: int, high: int, token: int) -> int:
    """The first place from `low` on, below `high`, that holds `token` or a later one."""
    while low < high:
        middle = (low + high) // 2
        if held[middle] < token:
            low = middle + 1
        else:
            high = middle
    return low
