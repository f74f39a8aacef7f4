"""What a run will cost, said before it begins; measured by benchmarks/main_job."""

from iolaus.logs import Log

ROWS_PER_SECOND = (30_000, 60_000)  # a whole scan on 2 cores: busy machine, idle machine
STAGE_BYTES = 210  # per exchange on disk while it runs: 853 MB / 4.15 million rows


def forecast(log: Log) -> str:
    """One sentence: how much there is to read, and about how long and how much disk it takes."""
    size = sum(file.size for file in log.files)
    what = f"{len(log.files):,} files, {size / 1e6:,.0f} MB"
    rows = log.rows_estimate
    if rows is None:
        return f"{what}; how many exchanges is known once the JSON lines are read."
    slow, fast = (max(1, round(rows / rate / 60)) for rate in ROWS_PER_SECOND)
    minutes = "about a minute" if slow == 1 else f"about {fast} to {slow} minutes"
    disk = rows * STAGE_BYTES / 1e9
    return f"{rows:,} exchanges in {what}: {minutes} on 2 cores, {disk:,.1f} GB of disk meanwhile."
