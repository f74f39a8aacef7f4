"""What a run will cost, said before it begins, and what is refused at once."""

from iolaus.app.settings import Settings
from iolaus.core.errors import ConfigError
from iolaus.logs import Log

# Exchanges per second of a whole scan on 2 cores. Logs with text (benchmarks/main_job): a busy
# machine, an idle one. Stores (benchmarks/speed): 3 million in 19 s (3e6 / 19 = 158,000), and
# 300 million in 698 s (3e8 / 698 = 430,000).
TEXT_RATES, STORE_RATES = (30_000, 60_000), (158_000, 430_000)
# Per exchange on disk while it runs. Worlds of 158,400 exchanges with text: features take 172 (a
# store is read as it is, without that copy). Worlds without text of 3 and 30 million: all the rest
# takes 33 and 10. 172 + 33 = 205; 4.15 million exchanges with text took 853 MB, 206 each.
FEATURE_BYTES, TABLE_BYTES = 172, 33


def forecast(log: Log) -> str:
    """One sentence: how much there is to read, and about how long and how much disk it takes."""
    size = sum(file.size for file in log.files)
    what = f"{len(log.files):,} files, {size / 1e6:,.0f} MB"
    rows = log.rows_estimate
    if rows is None:
        return f"{what}; how many exchanges is known once the JSON lines are read."
    rates = STORE_RATES if log.store_sql is not None else TEXT_RATES
    slow, fast = (max(1, round(rows / rate / 60)) for rate in rates)
    minutes = "about a minute" if slow == 1 else f"about {fast} to {slow} minutes"
    disk = disk_bytes(log, rows) / 1e9
    return f"{rows:,} exchanges in {what}: {minutes} on 2 cores, {disk:,.1f} GB of disk meanwhile."


def disk_bytes(log: Log, rows: int) -> int:
    """Bytes of the stage directory of a log of so many exchanges, spilled rows not counted."""
    return rows * (TABLE_BYTES if log.store_sql is not None else FEATURE_BYTES + TABLE_BYTES)


def refuse_without_text(log: Log, settings: Settings) -> None:
    """An embedding model reads prompts, and a store has none: say so before anything is read."""
    if settings.embeddings and log.store_sql is not None:
        raise ConfigError(
            "a model is set, but this log is a store: it holds features in place of text, and there"
            " is nothing to embed.",
            where="[scan] embeddings",
            next_step="Leave it out, or scan the log with text that the store was made from.",
        )
