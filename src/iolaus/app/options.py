"""What options mean: a text on the command line -> a value, or an error that names the option."""

from datetime import date
from typing import Final

from iolaus.core.errors import ConfigError

SECONDS: Final = {"s": 1, "m": 60, "h": 3_600}


def seconds(text: str, option: str) -> float:
    """'30s', '5m', '1h' -> seconds. Raises ConfigError that names the option."""
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in SECONDS or int(number) == 0:
        raise ConfigError(f"{option} is '{text}'.", next_step="Write 30s, 5m or 1h.")
    return float(int(number) * SECONDS[unit])


def day(text: str, option: str) -> date:
    """'2026-05-01' -> that day. Raises ConfigError that names the option."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"'{text}' is no day.", where=option, next_step="Write 2026-05-01."
        ) from None
