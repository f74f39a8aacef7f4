"""What a world is made of: accounts with habits and voices, cohorts, schedules.

Times inside a world are seconds since its first midnight (UTC); negative is before the log.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from iolaus.core.hashing import hash64

DAY = 86_400
HOUR = 3_600
NO_ITEM = -1
COVER = -2  # an ordinary prompt that a campaign sends to look ordinary: it gets no template

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Address:
    """One IP address as the provider's edge sees it."""

    ip: str
    asn: int
    country: str


@dataclass(frozen=True)
class Client:
    """A user agent and the TLS fingerprint (JA4) that its library produces."""

    user_agent: str
    ja4: str


@dataclass(frozen=True)
class Tokens:
    """Sizes of one account's requests. Medians in tokens; shares 0 to 1."""

    context: float = 60.0  # input beyond the prompt and the system prompt, before any conversation
    output: float = 250.0
    spread: float = 0.8  # sigma of the lognormals
    reasoning: float = 0.1  # share of requests with reasoning tokens
    cached: float = 0.0  # share of the input read from cache, where a prefix repeats
    tools: int = 0  # tools offered, 0 for none
    limit: tuple[int, ...] = (1024, 2048, 4096)  # max_output_tokens that it sends
    temperature: float | None = None
    choices: int = 1
    stream: float = 0.5  # share of requests streamed


@dataclass(frozen=True)
class Voice:
    """What an account writes: a body of some kind, put between a prefix and a suffix of its own."""

    kinds: tuple[str, ...]  # names of the source's kinds or of the world's special ones
    systems: tuple[str | None, ...] = (None,)  # one per sitting
    frames: tuple[tuple[str, str], ...] = (("", ""),)  # prefix and suffix, one per request
    taste: int = 0  # whose own subjects the bodies are about; 0: everybody's


@dataclass(eq=False)
class Account:
    """One billing account: what the accounts table says of it, and how it behaves."""

    population: str
    country: str  # where its user really is
    created: float
    voice: Voice
    addresses: list[Address]
    clients: list[Client]
    signup_ip: str
    email_domain: str
    email_hash: str
    campaign_id: str | None = None
    organization_id: str | None = None
    payment: str | None = None
    billing_country: str | None = None
    device: str | None = None
    plan: str = "pay_as_you_go"
    verification: str = "email"
    program: str | None = None
    legal_name: str | None = None
    channel: str = "first_party_api"
    weight: float = 1.0  # relative volume inside its population
    start: float = 0.0  # active from, seconds
    end: float = 1e12  # active until
    rhythm: str = "office"
    zone: float = 0.0  # hours east of UTC
    session: float = 6.0  # mean exchanges per sitting
    gap: float = 60.0  # mean seconds between them
    conversation: bool = False  # a sitting carries a conversation_id
    rotate: str = "day"  # how often the address changes: day, session or request
    keys: int = 1
    tier: int = 1  # 0 small, 1 medium, 2 large model
    second_tier: float = 0.1  # share of requests to another tier
    adoption: float = 12.0 * DAY  # seconds from a release until it is used; inf for never
    tokens: Tokens = field(default_factory=Tokens)
    banned: float | None = None  # when the provider banned it
    id: str = ""


@dataclass(frozen=True)
class Rows:
    """Exchanges to be worded: one entry per row. `slot` indexes the world's accounts."""

    slot: Ints
    ts: Floats  # seconds
    sequence: Ints  # how many exchanges the account made before
    item: Ints  # number in a shared work queue, NO_ITEM where there is none, COVER for cover
    sitting: Ints  # number of the sitting within the account

    def take(self, where: Ints) -> "Rows":
        return Rows(*(getattr(self, name)[where] for name in self.__dataclass_fields__))


@dataclass
class Schedule:
    """When exchanges happen. `slot` counts inside the cohort."""

    slot: Ints
    ts: Floats
    item: Ints
    sitting: Ints
    failed: NDArray[np.bool_]
    campaign: NDArray[np.bool_]  # part of an attack, cover traffic excluded


@dataclass
class Cohort:
    """A population's accounts; `schedule` where they do not keep ordinary habits."""

    accounts: list[Account]
    share: float = 1.0  # mean volume of an account, relative to an independent developer's
    schedule: Callable[[int, np.random.Generator], Schedule] | None = None
    exchanges: int | None = None  # fixed volume, or a share of what is left


def token(seed: int, *parts: object, chars: int = 12) -> str:
    """An opaque id: hexadecimal digits of a hash of seed and parts."""
    return f"{hash64(repr((seed, *parts))) & (2**64 - 1):016x}"[:chars]
