"""The main job on a small simulated world: one campaign among honest look-alikes."""

import shutil
from pathlib import Path

from iolaus.app.progress import Reporter
from iolaus.app.scan import scan
from iolaus.app.settings import Settings
from iolaus.campaigns import Results
from iolaus.worlds import simulate

ACCOUNTS = 3_000
CAMPAIGN_ACCOUNTS = 200
EXCHANGES = 500_000  # 200 * 1,150 = 230,000 of them are the campaign's
SEED = 7


def demo(out: Path, report: Reporter) -> Results:
    """Simulate OUT/world, scan it into OUT/results. An earlier demo in OUT is replaced."""
    for part in ("world", "results"):
        shutil.rmtree(out / part, ignore_errors=True)
    simulate(
        "long",
        seed=SEED,
        accounts=ACCOUNTS,
        exchanges=EXCHANGES,
        campaign_accounts=CAMPAIGN_ACCOUNTS,
        out=out / "world",
        progress=report,
    )
    return scan(
        out / "world" / "log",
        out / "results",
        Settings(),
        memory="4GB",
        threads=2,
        keep_stages=False,
        report=report,
    )
