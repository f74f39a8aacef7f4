"""Attack families: name -> parameters drawn from the seed. A new family is one more function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from iolaus.worlds.attacks import families
from iolaus.worlds.attacks.attack import Attack, build, customers, volumes
from iolaus.worlds.attacks.strengths import STRENGTHS, apply

__all__ = [
    "FAMILIES", "STRENGTHS", "Attack", "Family", "Size", "apply", "build", "customers", "volumes",
]  # fmt: skip


class Size(NamedTuple):
    """A family's world at default strength; totals, campaign included."""

    accounts: int
    campaign_accounts: int
    exchanges: int


Drawn = Attack | tuple[Attack, ...]

NETWORK: Final = ("client_ip", "asn", "country", "tls_fingerprint", "user_agent", "signup_ip")
TEXT: Final = ("prompt", "system_prompt")
QUIET: Final = Size(3_000, 0, 120_000)
HONEST = 40  # exchanges per honest account at a family's default size


@dataclass(frozen=True)
class Family:
    """A family of worlds.

    accounts: share of all accounts that the campaign has by default. draw: one operator or
    several; None for no campaign. honest: the mix of honest populations. hidden: columns that are
    null in the whole log.
    """

    accounts: float
    draw: Callable[[np.random.Generator], Drawn] | None
    per_account: float = 0.0
    size: Size = QUIET
    honest: str = "ordinary"
    hidden: tuple[str, ...] = ()

    def attacks(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        """The operators that the seed draws; none in a world without a campaign."""
        drawn = self.draw(rng) if self.draw else ()
        return drawn if isinstance(drawn, tuple) else (drawn,)


def _family(
    draw: Callable[[np.random.Generator], Drawn], per_account: float = families.USUAL,
    members: int = 300, hidden: tuple[str, ...] = (),
) -> Family:  # fmt: skip
    """One with a campaign, in a world of 3,000 accounts of which the honest send HONEST each."""
    size = Size(3_000, members, round(members * per_account) + (3_000 - members) * HONEST)
    return Family(members / 3_000, draw, per_account, size, "ordinary", hidden)


FAMILIES: Final[dict[str, Family]] = {
    "long": Family(1 / 11, families.long, families.LONG, Size(3_000, 100, 231_000)),
    "spike": Family(3 / 13, families.spike, families.SPIKE, Size(3_000, 700, 94_800)),
    "null": Family(0.0, None),
    "lookalikes": Family(0.0, None, honest="lookalikes"),
    "pools": _family(families.pools),
    "synchronised": _family(families.synchronised, members=240),
    "channels": _family(families.channels),
    "pivot": _family(families.pivot, members=240),
    "hydra": _family(families.hydra, members=180),
    "careful": _family(families.careful, members=240),
    "paraphrase": _family(families.paraphrase, members=240),
    "cover": _family(families.cover, members=240),
    "small": _family(families.small, families.SMALL, members=30),
    "two": _family(families.two),
    "regrow": _family(families.regrow),
    "no_text": _family(families.as_long, members=240, hidden=TEXT),
    "no_network": _family(families.as_long, members=240, hidden=NETWORK),
}
