"""Which file is a day's part of a table: its name says what it was made from.

A part whose name says what is wanted stands, whoever made it. Where an account has another number
than before, or claims another country, the earlier part is written anew: exchanges are not read.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from iolaus.engine import Engine
from iolaus.signals import moments
from iolaus.signals.tokens.kinds import BY_KIND

KEY_DIGITS: Final = 16  # 64 bits: a million parts meet by chance with 3e-8


class Keys(NamedTuple):
    """What the parts of one day are made from, as digests.

    source: the day's exchanges. past: those of all days up to it. numbers: the numbers of its
    accounts. claims: the countries that its accounts claim.
    """

    source: str
    past: str
    numbers: str
    claims: str


@dataclass(frozen=True)
class Earlier:
    """What an earlier run kept. accounts: a file of its accounts' numbers (account, account_id)."""

    keys: Mapping[date, Keys]
    accounts: Path


# What each table is made from; all others: from the exchanges, with the accounts' numbers.
OF: Final = {
    "account_days": ("source",),
    "skeleton_days": ("source",),
    "address_days": ("source", "numbers", "claims"),
    "operator_days": ("source", "numbers", "claims"),
    "bursts": ("source", "past", "numbers"),
}
_OTHERS: Final = ("source", "numbers")
# In which order the rows of each table with an account's number stand.
ORDER: Final = {
    "profiles": "account",
    "country_days": "account, asn, country",
    "beats": "account, beat",
    "prompt_days": "prompt_hash, account",
    "model_uses": "account, model",
    "software_days": "account, value, exchanges",
    "network_days": f"{BY_KIND}, value, account",
    "wording_days": f"{BY_KIND}, value, account",
    "bursts": "skeleton, bin, account",
    "content_days": "account",
}
# What the tables with claims are counted from, taken from parts instead of the day's exchanges.
AGAIN: Final = {
    "address_days": (
        "addresses_today",
        "SELECT accounts.account, billing_country, client_ip, part.exchanges FROM part "
        "JOIN renumbered ON part.account = was "
        "JOIN accounts ON accounts.account = renumbered.account",
        moments.ADDRESS_DAYS,
    ),
    "operator_days": (
        "countries_today",
        "SELECT account, billing_country, asn, country, exchanges "
        "FROM country_days JOIN accounts USING (account)",
        moments.OPERATOR_DAYS,
    ),
}


class Parts:
    """The parts of one run. `keys`: of its days; none: parts are known by their day alone."""

    def __init__(
        self, engine: Engine, salt: str, keys: Mapping[date, Keys], earlier: Earlier | None = None
    ) -> None:
        self._engine, self._salt, self._keys = engine, salt, keys
        self._earlier = earlier
        self._renumbered = False
        self.revised: set[date] = set()

    def choose(self, name: str, day: date) -> bool:
        """Make the wanted part the day's; whether it stands already."""
        stages = self._engine.stages
        if day in self._keys:
            stages.choose(name, day, self._path(name, day, self._keys[day]))
        return stages.part(name, day).exists()

    def revise(self, name: str, day: date) -> bool:
        """Write the wanted part from the earlier run's, if that has the same exchanges."""
        earlier = self._earlier
        if earlier is None or day not in earlier.keys or day not in self._keys:
            return False
        old, new = earlier.keys[day], self._keys[day]
        changed = {field for field in OF.get(name, _OTHERS)
                   if getattr(old, field) != getattr(new, field)}  # fmt: skip
        source = self._path(name, day, old)
        if not changed <= {"numbers", "claims"} or not source.exists():
            return False
        self._attach_numbers(earlier)
        self._engine.attach_files("part", [source])
        self._write(name, day)
        self.revised.add(day)
        return True

    def _write(self, name: str, day: date) -> None:
        engine = self._engine
        if name in AGAIN:
            scratch, counted, sql = AGAIN[name]
            if "country_days" in counted:
                engine.attach_files("country_days", [engine.stages.part("country_days", day)])
            engine.scratch(scratch, counted)
            engine.day_step(name, day, sql, {"day": day})
            engine.forget(scratch)
            return
        columns = ", ".join(
            "renumbered.account" if column == "account" else f"part.{column}"
            for column in engine.fetch("SELECT * FROM part LIMIT 0").column_names
        )
        engine.day_step(
            name,
            day,
            f"SELECT {columns} FROM part JOIN renumbered ON part.account = was "
            f"ORDER BY {ORDER[name]}",
        )

    def _attach_numbers(self, earlier: Earlier) -> None:
        if self._renumbered:
            return
        self._engine.attach_files("accounts_before", [earlier.accounts])
        self._engine.scratch(
            "renumbered",
            "SELECT accounts_before.account AS was, accounts.account "
            "FROM accounts_before JOIN accounts USING (account_id)",
        )
        self._renumbered = True

    def _path(self, name: str, day: date, keys: Keys) -> Path:
        made_from = [getattr(keys, field) for field in OF.get(name, _OTHERS)]
        text = json.dumps([self._salt, name, made_from])
        key = hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]
        return self._engine.stages.keyed(name, day, key)


def chained(sources: Mapping[date, str]) -> dict[date, str]:
    """For each day a digest of the sources of all days up to it."""
    found, past = {}, ""
    for day, source in sorted(sources.items()):
        past = hashlib.sha256(f"{past} {day} {source}".encode()).hexdigest()
        found[day] = past
    return found
