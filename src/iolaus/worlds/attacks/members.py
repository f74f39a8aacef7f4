"""A campaign's accounts: each outwardly a stranger, around its operator's habits."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.attacks import work
from iolaus.worlds.benign.individuals import developer
from iolaus.worlds.model import Account, Tokens, Voice
from iolaus.worlds.people import LIMITS, TEMPERATURES, Stage, around, heavy, nation, person
from iolaus.worlds.places import BY_CODE

if TYPE_CHECKING:
    from iolaus.worlds.attacks.attack import Attack

CHANNELS: Final = ("first_party_api", "cloud_marketplace", "aggregator", "web_app")
PLANS: Final = ("free", "pay_as_you_go", "subscription")
RHYTHMS: Final = ("office", "evening", "hacker")
LEAST_LIMIT: Final = 2_048  # max_output_tokens below which long answers would be cut off
STEADY = 0.85  # share of accounts that always stream, or never, as most honest ones do
LONG_LIMITS: Final = tuple(limit for limit in LIMITS if max(limit) >= LEAST_LIMIT)
PEOPLE_EARLY = 0.8  # hours, sigma: as honest people keep their country's hours
CUSTOMER_VOLUME = 1.5  # mean volume of a reseller's customer, as an honest reseller's accounts
MIXED = 0.5  # share of a reseller's accounts that many end customers use by turns


@dataclass(frozen=True)
class Habits:
    """What an operator's workers have in common: sizes, settings and the tier that they use."""

    tokens: Tokens
    tiers: tuple[float, float, float]


def habits(stage: Stage, attack: "Attack", rng: np.random.Generator) -> Habits:
    """Long answers with reasoning; limits and temperatures as honest developers set them.

    A campaign around the first release uses the large tier: that is the first one released.
    """
    top = float(rng.uniform(0.35, 0.65))
    tokens = Tokens(
        context=40.0, output=float(rng.uniform(1100, 1900)), spread=0.6,
        reasoning=float(rng.uniform(0.55, 0.9)), cached=0.03,
        limit=LONG_LIMITS[int(rng.integers(len(LONG_LIMITS)))],
        temperature=TEMPERATURES[int(rng.integers(len(TEMPERATURES)))],
        stream=float(rng.uniform(0.05, 0.95)),
    )  # fmt: skip
    return Habits(tokens, (0.02, 0.03, 0.95) if attack.around_release else (0.05, 0.95 - top, top))


def member(
    stage: Stage, attack: "Attack", voices: work.Voices, operator: Habits, rng: np.random.Generator
) -> Account:
    """One account of the campaign."""
    country = nation(rng)
    channel = str(rng.choice(CHANNELS, p=attack.channels))
    web = channel == "web_app"
    shares = np.array(attack.plans) * ((1, 0, 1) if web else (1, 1, 1)) + (1e-9, 0, 0)
    plan = str(rng.choice(PLANS, p=shares / shares.sum()))
    pays = plan != "free"
    checks = ("payment", "phone", "identity") if pays else ("email", "phone", "none")
    tokens = around(operator.tokens, rng)
    if rng.random() < STEADY:
        tokens = replace(tokens, stream=float(rng.random() < operator.tokens.stream))
    if max(tokens.limit) < LEAST_LIMIT:
        tokens = replace(tokens, limit=operator.tokens.limit)
    if web:  # the application sets no limits and streams
        tokens = replace(tokens, limit=(), temperature=None, stream=1.0)
    given = {"clients": clients.browsers(2, rng), "keys": 0} if web else {}
    return person(
        stage, "campaign", voices.draw(rng), rng, country=country, campaign_id=attack.name,
        zone=BY_CODE[country].zone + float(rng.normal(0, PEOPLE_EARLY)), plan=plan,
        verification=str(rng.choice(checks, p=attack.checks)), tokens=tokens,
        payment=stage.fresh("card") if pays else None, weight=heavy(rng, 0.4), second_tier=0.06,
        tier=int(rng.choice(3, p=operator.tiers)), rotate="request", channel=channel,
        conversation=web, rhythm=str(rng.choice(RHYTHMS, p=(0.5, 0.3, 0.2))), **given,
    )  # fmt: skip


def customer(stage: Stage, rng: np.random.Generator) -> Account:
    """An ordinary customer in a reseller's pool; half of the accounts serve many by turns."""
    account = developer(
        stage, "reseller_customer", rng, rotate="request", plan="pay_as_you_go",
        verification="payment", payment=stage.fresh("card"), weight=float(rng.lognormal(0, 0.6)),
        channel="first_party_api",
    )  # fmt: skip
    if rng.random() < MIXED:
        systems = (None, None, *stage.source.draw("persona", 25, rng))
        kinds = ("chat",) * 5 + ("code",) * 3 + ("business", "data", "agentic", "support", "hard")
        frames = (("", ""),) * 12 + (("", f"\n{stage.source.draw('longask', 1, rng)[0]}"),)
        account.voice = Voice(kinds, systems, frames)
        account.rhythm, account.session = "product", 1.2
    return account
