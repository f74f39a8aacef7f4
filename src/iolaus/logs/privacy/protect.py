"""One day's exchanges on their way into the store: the order in which things must happen.

1. Before: features from the text, and country, AS number and network kind from the address.
2. Pseudonyms.
3. Sealing, which binds each text to the account's pseudonym.
4. Texts out of the exchanges, unless they are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from iolaus.core.errors import ConfigError
from iolaus.logs.privacy.keys import Keys
from iolaus.logs.privacy.pseudonyms import ALL, Pseudonymiser
from iolaus.logs.privacy.text import POLICIES, SEALED, require_cryptography, seal, without_text


@dataclass(frozen=True)
class Protected:
    """exchanges: for STORE/exchanges/day=.../; sealed: for STORE/texts/day=.../, maybe no rows."""

    exchanges: pa.RecordBatch
    sealed: pa.Table


class Protector:
    """Applies one [privacy]; its state is the aliases met so far."""

    def __init__(self, keys: Keys, *, purposes: Iterable[str] = ALL, text: str = "drop") -> None:
        if text not in POLICIES:
            raise ConfigError(f"'text' must be one of {', '.join(POLICIES)}, not {text!r}.")
        if text == "encrypt":
            require_cryptography()  # now, and not when half a log is written
        self._keys, self._text = keys, text
        self._names = Pseudonymiser(keys, purposes)

    def exchanges(self, batch: pa.RecordBatch, day: date) -> Protected:
        """A batch of exchanges of one UTC day, with any columns besides core EXCHANGES."""
        named = self._names.batch(batch)
        sealed = seal(named, self._keys, day) if self._text == "encrypt" else SEALED.empty_table()
        return Protected(named if self._text == "keep" else without_text(named), sealed)

    def table(self, table: pa.Table) -> pa.Table:
        """Accounts or enforcement."""
        return self._names.table(table)

    def aliases(self) -> pa.Table:
        """To be joined to STORE/aliases.parquet."""
        return self._names.aliases()
