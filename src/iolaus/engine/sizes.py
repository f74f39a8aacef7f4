"""How much of the run's memory an engine gets."""

import re
from typing import Final

from iolaus.core.errors import ConfigError

ENGINE_SHARE: Final = 0.6  # of the run's memory; the rest is for what Python holds (text, matrices)
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MEMORY = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMGT])i?B\s*$", re.IGNORECASE)


def size_in_bytes(text: str) -> int:
    """Bytes of a size such as 4GB or 512 MiB; both kinds of unit are powers of 1024."""
    match = _MEMORY.match(text)
    if not match:
        raise ConfigError(f"'{text}' is not a size.", next_step="Write it as 4GB or 512MB.")
    return int(float(match[1]) * _UNITS[match[2].upper()])
