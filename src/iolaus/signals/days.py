"""A day costs a day: every daily table is made from one UTC day of the log at a time.

    today            the day's exchanges                                read where they are
    *_today          what several tables are counted from               in memory
    NAME/day=...     one file per table and day                         kept

Days are made side by side where memory allows (engine.shared_out). A day that was made once is not
made again, in whatever run (signals.parts). What of a day's wording
and prompts nobody else used is most of a large log and says nothing; on a large day it is left out
at once.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import date
from threading import Event
from typing import Final

from iolaus.engine import Engine, shared_out
from iolaus.signals import moments, profiles
from iolaus.signals.accounts import day_keys
from iolaus.signals.day import LARGE_DAY, Day, attach_day, days_of, held_bytes
from iolaus.signals.parts import Earlier, Keys, Parts
from iolaus.signals.tokens import device, network, tempo, wording

# In the order in which one needs the other. `..._today` names are made for the day alone; `today`
# itself is a view of the day's files, as reading a few columns again costs less than keeping all.
NUMBERS: Final = (
    "SELECT account_id, account, billing_country, accounts_today.exchanges AS volume "
    "FROM accounts JOIN accounts_today USING (account_id)"
)
SAID: Final = (  # phrases: of the sampled exchanges alone
    "SELECT account, ts, model, status >= 400 AS failed, prompt_hash, skeleton, system_hash, "
    f"system_skeleton, CASE WHEN {wording.SAMPLED} THEN phrases END AS phrases "
    "FROM today JOIN numbers_today USING (account_id)"
)
# What stands more than once in a column of said_today; on a small day, all of it. Most of a large
# day's values come once, and cost most of what is made from them if they are not left out first.
AGAIN: Final = {"skeletons_again": "skeleton", "prompts_again": "prompt_hash"}
# What the tables that may have to be made again for another day's sake need.
SCRATCH_OF_PAST: Final = {
    "binned_today": tempo.BINNED_TODAY,
    "skeletons_today": tempo.SKELETONS_TODAY,
    "bins_today": tempo.BINS_TODAY,
}
SCRATCH: Final = SCRATCH_OF_PAST | {
    "uses_today": moments.USES_TODAY,
    "seen_today": "SELECT account, billing_country, client_ip, asn, country, tls_fingerprint, "
    "user_agent, grouped.exchanges FROM (SELECT account_id, client_ip, asn, country, "
    "tls_fingerprint, user_agent, count(*) AS exchanges FROM today GROUP BY ALL) AS grouped "
    "JOIN numbers_today USING (account_id)",
    "places_today": "SELECT account, billing_country, client_ip, asn, country, "
    "sum(exchanges)::BIGINT AS exchanges FROM seen_today "
    "WHERE client_ip IS NOT NULL OR country IS NOT NULL GROUP BY ALL",
    "addresses_today": "SELECT account, any_value(billing_country) AS billing_country, client_ip, "
    "sum(exchanges)::BIGINT AS exchanges FROM places_today WHERE client_ip IS NOT NULL "
    "GROUP BY account, client_ip",
    "networks_today": network.NETWORKS_TODAY,
    "countries_today": "SELECT account, any_value(billing_country) AS billing_country, asn, "
    "country, sum(exchanges)::BIGINT AS exchanges FROM places_today WHERE country IS NOT NULL "
    "GROUP BY account, asn, country",
    "prompts_today": moments.PROMPTS_TODAY,
    "phrases_today": wording.PHRASES_TODAY,
    "software_today": "SELECT account, tls_fingerprint, user_agent, "
    "sum(exchanges)::BIGINT AS exchanges FROM seen_today WHERE user_agent IS NOT NULL GROUP BY ALL",
}
TABLES: Final = {
    "address_days": moments.ADDRESS_DAYS,
    "beats": moments.BEATS,
    "profiles": profiles.SQL,
    "country_days": moments.COUNTRY_DAYS,
    "operator_days": moments.OPERATOR_DAYS,
    "prompt_days": moments.PROMPT_DAYS,
    "model_uses": moments.MODEL_USES,
    "software_days": device.SOFTWARE_DAYS,
    "network_days": network.DAY,
    "wording_days": wording.DAY,
    "skeleton_days": tempo.SKELETON_DAYS,
    "bursts": tempo.BUSY_BINS,
}
# What `today` has of an exchange. Not the account's number: counting 7.4 million exchanges by
# account_id took 0.8 CPU seconds, numbering each of them first 1.4 (by hand, on a busy machine).
COLUMNS: Final = (
    "account_id", "ts", "status", "conversation_id", "model", "client_ip", "asn", "country",
    "tls_fingerprint", "user_agent", "input_tokens", "cached_input_tokens", "output_tokens",
    "reasoning_tokens", "choice_count", "tool_count", "prompt_hash", "system_hash", "skeleton",
    "system_skeleton", "phrases", "capability",
)  # fmt: skip


PAST: Final = ("skeleton_days", "bursts")  # what may have to be made again for another day's sake

Tell = Callable[[int, int], None]  # days done, and of how many


@dataclass(frozen=True)
class Made:
    """What the days' parts were made from, and how many days were read from the log (`read`),
    written anew from their parts (`revised`), and taken as they stood (`kept`)."""

    keys: dict[date, Keys]
    read: int
    revised: int
    kept: int


def daily(
    engine: Engine,
    days: Sequence[Day] | None = None,
    earlier: Earlier | None = None,
    tell: Tell = lambda done, total: None,
) -> Made:
    """Make the tables of every day, and attach them.

    In: accounts, and the days (by default those of features). Days that say their source may stand
    since another run; `earlier` is what that run kept. `tell` hears how many days are done.
    """
    found = days_of(engine) if days is None else days
    keys = day_keys(engine, found)
    salt = repr((NUMBERS, SAID, AGAIN, SCRATCH, TABLES, LARGE_DAY))
    parts = Parts(engine, salt, keys, earlier)
    missing = {day: _missing(parts, day) for day in found}
    read = [day for day in found if missing[day]]
    past = _Past(day.day for day in read)

    def make(hand: Engine, day: Day) -> None:
        _make(hand, day, missing[day], past)

    tell(len(found) - len(read), len(found))
    for done, _ in enumerate(shared_out(engine, make, read, held_bytes(read)), 1):
        tell(len(found) - len(read) + done, len(found))
    for name in TABLES:
        engine.attach_days(name)
    engine.step("shared_prompts", moments.SHARED_PROMPTS)
    revised = parts.revised - {day.day for day in read}
    return Made(keys, len(read), len(revised), len(found) - len(read) - len(revised))


def _missing(parts: Parts, day: Day) -> list[str]:
    """The tables whose part of the day stands nowhere and is not an earlier one, written anew."""
    none = [name for name in TABLES if not parts.choose(name, day.day)]
    return [name for name in none if not parts.revise(name, day.day)]


class _Past:
    """Where days are made side by side, a day that looks back waits for those before it."""

    def __init__(self, days: Iterable[date]) -> None:
        self._told = {day: Event() for day in days}
        self._failed: set[date] = set()

    def tell(self, day: date) -> None:
        """What later days ask of this one stands."""
        self._told[day].set()

    def fail(self, day: date) -> None:
        """Nobody shall wait for this one."""
        self._failed.add(day)
        self._told[day].set()

    def wait(self, day: date) -> None:
        """Until the days before this one stand. Raises CancelledError if one of them never will."""
        for earlier, told in self._told.items():
            if earlier < day:
                told.wait()
        if any(earlier < day for earlier in self._failed):
            raise CancelledError


def _make(engine: Engine, day: Day, missing: Sequence[str], past: _Past) -> None:
    """Make some of the day's parts from its exchanges."""
    try:
        _attach_today(engine, day)
        _attach_said(engine, day)
        scratch = SCRATCH_OF_PAST if set(missing) <= set(PAST) else SCRATCH
        for name, sql in scratch.items():
            engine.scratch(name, sql, _given(day, sql))
        for name, sql in TABLES.items():
            if name == "bursts":
                past.wait(day.day)
                engine.attach_days("skeleton_days")
            if name in missing:
                engine.day_step(name, day.day, sql, _given(day, sql))
            if name == "beats":  # profiles are made from the day's
                engine.attach_files("beats_today", [engine.stages.part(name, day.day)])
            if name == "skeleton_days":
                past.tell(day.day)
        for name in ("today", "numbers_today", "said_today", *AGAIN, *scratch):
            engine.forget(name)
    except BaseException:
        past.fail(day.day)
        raise


def _attach_said(engine: Engine, day: Day) -> None:
    """Let SQL use what was said on the day, and what of it was said again."""
    engine.scratch("said_today", SAID)
    for name, column in AGAIN.items():
        if day.exchanges > LARGE_DAY:
            engine.repeated(name, "said_today", column)
        else:
            some = f"FROM said_today WHERE {column} IS NOT NULL"
            engine.scratch(name, f"SELECT DISTINCT {column} {some}")


def _given(day: Day, sql: str) -> dict[str, object]:
    """The parameters that the SQL names."""
    given = {"day": day.day, "small": day.exchanges <= LARGE_DAY}
    return {name: value for name, value in given.items() if f"${name}" in sql}


def _attach_today(engine: Engine, day: Day) -> None:
    """Let SQL use the day's exchanges as `today`."""
    rows = attach_day(engine, day)
    engine.attach_files("accounts_today", [engine.stages.part("account_days", day.day)])
    engine.scratch("numbers_today", NUMBERS)
    columns = ", ".join(f"{rows}.{name}" for name in COLUMNS)
    engine.view(
        "today",
        f"SELECT {columns} FROM {rows} WHERE ts >= DATE '{day.span['day']}' "
        f"AND ts < DATE '{day.span['next']}'",
    )
