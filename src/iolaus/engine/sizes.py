"""How much of the run's memory an engine gets."""

import os
import re
from pathlib import Path
from typing import Final

from iolaus.core.errors import ConfigError

ENGINE_SHARE: Final = 0.6  # of the run's memory; the rest is for what Python holds (text, matrices)
# Where Python holds more than the rest, an engine in the same process gives way, but keeps so much
# (or its share, if that is less): with less its operators fail instead of spilling.
LEAST_SHARE: Final = 0.2
LEAST_BYTES: Final = 512 * 2**20
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_STATM: Final = Path("/proc/self/statm")
_MEMORY = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMGT])i?B\s*$", re.IGNORECASE)


def size_in_bytes(text: str) -> int:
    """Bytes of a size such as 4GB or 512 MiB; both kinds of unit are powers of 1024."""
    match = _MEMORY.match(text)
    if not match:
        raise ConfigError(f"'{text}' is not a size.", next_step="Write it as 4GB or 512MB.")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def engine_limit(memory: int, others: int) -> int:
    """Bytes for the engine in a run of `memory`, where the rest of the process holds `others`."""
    share = int(ENGINE_SHARE * memory)
    least = min(share, max(int(LEAST_SHARE * memory), LEAST_BYTES))
    return max(least, min(share, memory - others))


def resident() -> int | None:
    """Bytes of this process in memory; None where the system does not tell (it is not Linux)."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
