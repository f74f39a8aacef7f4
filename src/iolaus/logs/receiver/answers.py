"""What the receiver answers, apart from how each protocol writes it."""

from typing import Final, NamedTuple

RETRY_SECONDS: Final = 5  # what a refused exporter is told to wait
MAX_BODY: Final = 20 * 2**20  # bytes; the OTLP specification recommends 20 MiB, unpacked too


class Accepted(NamedTuple):
    """Stored. rejected: spans or records that can be no rows, and never will. message: why."""

    rejected: int = 0
    message: str = ""


class Refused(Exception):
    """Not stored. The text goes to the sender, so it says nothing about the contents.

    outcome: what it is counted as.
    """

    outcome = "refused"


class Busy(Refused):
    """Not now: the same export may be sent again (UNAVAILABLE; 503 with Retry-After)."""

    outcome = "busy"


class Invalid(Refused):
    """Never: the data is no OTLP (INVALID_ARGUMENT; 400)."""

    outcome = "invalid"


class TooLarge(Refused):
    """Never: larger than MAX_BODY (RESOURCE_EXHAUSTED; 413)."""

    outcome = "too large"
