"""What honest strangers have: mail, cards, devices, verification, volume, habits of their own."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.grammar import Source
from iolaus.worlds.model import DAY, Account, Address, Floats, Rows, Tokens, Voice, token
from iolaus.worlds.network import Network
from iolaus.worlds.places import BY_CODE, PLACES

FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "hotmail.com", "proton.me")
FREE_MAIL_SHARES = np.array([0.62, 0.14, 0.08, 0.07, 0.05, 0.04])
LOCAL_MAIL = {"CN": "qq.com", "RU": "mail.ru", "DE": "gmx.de", "KR": "naver.com", "FR": "orange.fr"}
_COMPANY = "nova apex river stone delta lumen orbit cedar pixel harbor ember quartz falcon willow"
_KIND = "labs tech soft data works systems cloud studio digital group ai media"
OLDEST = 500.0 * DAY  # accounts have been opened over the 500 days before the log
LIMITS: Final = ((1024,), (512, 1024), (4096,), (2048, 4096), (8192,), (256,))
TEMPERATURES: Final = (None, None, 0.0, 0.2, 0.7, 1.0)
EARLY = 0.8  # hours, sigma: some get up early
KEEPS = 0.7  # share of accounts that keep a population's usual limit, and temperature


@dataclass
class Stage:
    """What builders draw from: one world's seed, window, network and source of texts."""

    seed: int
    span: float  # length of the log, seconds
    network: Network
    source: Source
    disposable: tuple[str, ...]
    clients: tuple[tuple[float, float, float], ...] = ()  # real clients: rate, input, output means
    kinds: dict[str, Callable[[Rows, np.random.Generator], list[str]]] = field(default_factory=dict)
    exits: list[Address] = field(default_factory=list)  # VPN exits that honest users use
    released: tuple[float, ...] = ()  # when models are released during the log, seconds
    drawn: dict[str, object] = field(default_factory=dict)  # parameters that the seed decided
    counter: int = 0

    def serial(self) -> int:
        """A number that nothing else in this world has."""
        self.counter += 1
        return self.counter

    def fresh(self, kind: str, chars: int = 16) -> str:
        """An id that nothing else in this world has."""
        return token(self.seed, kind, self.serial(), chars=chars)


def nation(rng: np.random.Generator) -> str:
    """A country, as honest customers are spread."""
    shares = np.array([place.share for place in PLACES])
    return PLACES[int(rng.choice(len(PLACES), p=shares / shares.sum()))].code


def company_domain(stage: Stage, rng: np.random.Generator) -> str:
    """A domain of one company, unique in the world."""
    head, tail = rng.choice(_COMPANY.split()), rng.choice(_KIND.split())
    ending = rng.choice(("com", "io", "dev", "co", "net"))
    return f"{head}{tail}{stage.serial() % 9973}.{ending}"


def mail_domain(country: str, rng: np.random.Generator) -> str:
    """A free-mail domain as people of the country use."""
    if country in LOCAL_MAIL and rng.random() < 0.35:
        return LOCAL_MAIL[country]
    return str(rng.choice(FREE_MAIL, p=FREE_MAIL_SHARES))


def created(stage: Stage, rng: np.random.Generator) -> float:
    """When a stranger signed up: most long before the log, a quarter during it."""
    if rng.random() < 0.25:
        return float(rng.uniform(0, stage.span * 0.95))
    return -float(rng.uniform(0, OLDEST) ** 1.0)


def api_channel(rng: np.random.Generator) -> str:
    """How a developer reaches the API: most directly, some through a cloud or an aggregator."""
    channels = ("first_party_api", "cloud_marketplace", "aggregator")
    return str(rng.choice(channels, p=(0.82, 0.1, 0.08)))


def heavy(rng: np.random.Generator, sigma: float = 1.3) -> float:
    """Relative volume with mean 1: lognormal, whose top percent makes a third of the traffic."""
    return float(rng.lognormal(-sigma * sigma / 2, sigma))


def person(
    stage: Stage, population: str, voice: Voice, rng: np.random.Generator, **given: Any
) -> Account:
    """A stranger with everything of their own; `given` overrides any field."""
    country = given.get("country") or nation(rng)
    zone = BY_CODE[country].zone
    home = given.get("addresses") or _own_network(stage, country, rng)
    began = given.get("created", created(stage, rng))
    fields: dict[str, Any] = {
        "population": population,
        "country": country,
        "created": began,
        "voice": voice,
        "addresses": home,
        "clients": clients.sdks(int(rng.integers(1, 4)), rng),
        "signup_ip": home[0].ip,
        "email_domain": mail_domain(country, rng),
        "email_hash": stage.fresh("mail"),
        "zone": zone + float(rng.normal(0.0, EARLY)),
        "billing_country": country,
        "weight": heavy(rng),
        "start": began,
        "adoption": adoption(rng),
        "tier": int(rng.choice(3, p=[0.3, 0.5, 0.2])),
        "rotate": "day",
        "keys": int(rng.integers(1, 4)),
    } | _standing(stage, rng)
    fields |= given
    if fields["start"] > 0:
        fields["start"] = min(float(fields["start"]), stage.span * 0.97)
    return Account(**fields)


def traced(
    stage: Stage, weight: float, tokens: Tokens, rng: np.random.Generator
) -> tuple[float, Tokens]:
    """Volume and sizes of a real client where the world has traces, else those given.

    A client is drawn with noise (sigma 0.5), so that a trace of hundreds makes thousands of
    customers; means become medians of a lognormal: exp(-0.8^2 / 2) = 0.73.
    """
    if not stage.clients:
        return weight, tokens
    rate, entry, output = stage.clients[int(rng.integers(len(stage.clients)))]
    noise = np.exp(rng.normal(0.0, 0.5, 3)) * (1.0, 0.73, 0.73)
    return float(rate * noise[0]), replace(
        tokens,
        context=float(np.clip(entry * noise[1], 10, 30_000)),
        output=float(np.clip(output * noise[2], 5, 6_000)),
    )


def _standing(stage: Stage, rng: np.random.Generator) -> dict[str, Any]:
    """Plan, verification, card and device that go together."""
    plan = str(rng.choice(("free", "pay_as_you_go", "subscription"), p=(0.3, 0.5, 0.2)))
    pays = plan != "free"
    checks = ("payment", "identity", "phone") if pays else ("email", "phone", "none")
    return {
        "plan": plan,
        "verification": str(rng.choice(checks, p=(0.65, 0.1, 0.25))),
        "payment": stage.fresh("card") if pays else None,
        "device": stage.fresh("device") if rng.random() < 0.93 else None,
    }


def _own_network(stage: Stage, country: str, rng: np.random.Generator) -> list[Address]:
    """Home, sometimes a mobile network, an office or a server of one's own."""
    addresses = stage.network.homes(country, int(rng.integers(1, 6)), rng)
    if rng.random() < 0.3:
        addresses += stage.network.gateway(country, int(rng.integers(1, 4)), rng, mobile=True)
    if rng.random() < 0.2:
        addresses += stage.network.hosted(1, rng)
    return addresses


def around(tokens: Tokens, rng: np.random.Generator) -> Tokens:
    """One account's sizes and settings around its population's: sizes by a factor of about 1.35.

    A limit or a temperature is another one for three in ten; without limits (web application) none.
    """
    factor = np.exp(rng.normal(0.0, 0.3, 4))
    limit, temperature = tokens.limit, tokens.temperature
    if limit and rng.random() > KEEPS:
        limit = LIMITS[int(rng.integers(len(LIMITS)))]
    if limit and rng.random() > KEEPS:
        temperature = TEMPERATURES[int(rng.integers(len(TEMPERATURES)))]
    return replace(
        tokens,
        context=float(tokens.context * factor[0]),
        output=float(tokens.output * factor[1]),
        spread=float(tokens.spread * np.sqrt(factor[2])),
        reasoning=float(min(1.0, tokens.reasoning * factor[3])),
        cached=float(np.clip(tokens.cached + tokens.cached * rng.normal(0.0, 0.2), 0.0, 0.95)),
        limit=limit,
        temperature=temperature,
        stream=tokens.stream if tokens.stream in (0.0, 1.0) else float(rng.beta(0.5, 0.5)),
    )


def parts(count: int, typical: int, largest: int, rng: np.random.Generator) -> list[int]:
    """Sizes of the classes, firms or pools of `count` accounts: unequal, `largest` at most.

    As many as `typical` accounts in each make, at least one; none has fewer than three where
    `count` allows.
    """
    number = max(1, round(count / typical), -(-count // largest))
    number = max(-(-count // largest), min(number, count // 3), 1)
    sizes = spread(rng.lognormal(0.0, 0.7, number), count, min(3, count // number))
    over = np.maximum(sizes - largest, 0.0)
    sizes -= over
    if over.any():
        sizes += spread(largest - sizes, int(over.sum()), 0)
    return [int(size) for size in sizes]


def adoption(rng: np.random.Generator) -> float:
    """Seconds from a release until one uses it: hours for a few, never for a third."""
    kind = rng.random()
    if kind < 0.06:
        return float(rng.uniform(0.5, 20) * 3600)
    if kind < 0.38:
        return float("inf")
    return float(rng.lognormal(np.log(11), 0.8) * DAY)


def spread(weights: Floats, total: int, least: int = 1) -> Floats:
    """Whole numbers proportional to `weights`, each at least `least`, that sum to `total`."""
    room = total - least * weights.size
    exact = weights / weights.sum() * room
    counts = np.floor(exact)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: int(room - counts.sum())]] += 1
    result: Floats = counts + least
    return result
