"""Strangers on their own: developers, web users, VPN users, families with one card."""

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.model import Account, Address, Cohort, Tokens, Voice
from iolaus.worlds.people import (
    LIMITS,
    TEMPERATURES,
    Stage,
    api_channel,
    around,
    heavy,
    mail_domain,
    nation,
    parts,
    person,
    traced,
)
from iolaus.worlds.phrases import POPULAR_SYSTEMS

DEVELOPER_KINDS = ("code", "chat", "data", "business", "agentic", "support", "code", "hard")
ASKED = ("chat", "business", "code", "data", "hard")  # what web users are after, and how much
ASKED_MOST = np.array([4.0, 0.8, 0.9, 0.5, 0.3])  # of a Dirichlet with these weights
REASONED = 0.15  # share of people who habitually ask for long or reasoned answers
VPN_USERS = (150, 600)  # customers of one VPN: usual, most

_WEB = Tokens(context=900, output=350, reasoning=0.2, cached=0.4, limit=(), stream=1.0)


def own_voice(stage: Stage, rng: np.random.Generator) -> Voice:
    """A developer's product or script: one to three kinds, own system prompt, own frames."""
    kinds = tuple(str(k) for k in rng.choice(DEVELOPER_KINDS, int(rng.integers(1, 4))))
    source = stage.source
    own: tuple[str | None, ...] = tuple(source.draw("persona", int(rng.integers(1, 3)), rng))
    popular = str(rng.choice(POPULAR_SYSTEMS, p=(0.55, 0.15, 0.15, 0.1, 0.05)))
    systems = (own, (popular,), (None,))[int(rng.choice(3, p=(0.5, 0.2, 0.3)))]
    frames: list[tuple[str, str]] = [("", "")]
    if rng.random() < 0.6:
        heads = (
            source.draw("business", 2, rng) if rng.random() < 0.3 else source.draw("rule", 2, rng)
        )
        frames = [(f"{head}\n\n" if head else "", "") for head in heads]
    if rng.random() < 0.4:
        tail = source.draw("manner", 1, rng)[0]
        frames += [("", f"\n{tail}")]
    if rng.random() < REASONED:
        frames += [("", f"\n{ask}") for ask in source.draw("longask", 2, rng)]
    return Voice(kinds, systems, tuple(frames), stage.serial())


def _developer_tokens(rng: np.random.Generator) -> Tokens:
    return Tokens(
        context=float(rng.lognormal(5.0, 1.2)),
        output=float(rng.lognormal(5.6, 0.9)),
        reasoning=float(rng.beta(0.6, 2.5)),
        cached=float(rng.random() < 0.3) * float(rng.uniform(0.2, 0.8)),
        tools=int(rng.random() < 0.3) * int(rng.integers(1, 9)),
        limit=LIMITS[int(rng.integers(len(LIMITS)))],
        temperature=TEMPERATURES[int(rng.integers(len(TEMPERATURES)))],
        choices=2 if rng.random() < 0.02 else 1,
        stream=float(rng.random() < 0.5),
    )


def developers(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Independent developers: own products, own words, bursts, heavy-tailed volume."""
    return Cohort([developer(stage, "developer", rng) for _ in range(count)], share=1.0)


def developer(stage: Stage, population: str, rng: np.random.Generator, **given: object) -> Account:
    """One of them."""
    weight, tokens = traced(stage, heavy(rng, 1.5), _developer_tokens(rng), rng)
    fields: dict[str, object] = {
        "tokens": tokens,
        "weight": weight,
        "rhythm": str(
            rng.choice(("office", "evening", "hacker", "flat"), p=(0.45, 0.2, 0.25, 0.1))
        ),
        "session": float(rng.lognormal(2.2, 0.8)),
        "gap": float(rng.lognormal(3.5, 0.9)),
        "channel": api_channel(rng),
    }
    return person(stage, population, own_voice(stage, rng), rng, **(fields | given))


def web_users(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """People in the web application: conversations, ordinary questions."""
    return Cohort([web_user(stage, "web_user", rng) for _ in range(count)], share=0.5)


def web_user(stage: Stage, population: str, rng: np.random.Generator, **given: object) -> Account:
    """One of them. In the web application the provider's own system prompt is not logged."""
    kinds = _after(rng)
    tail = stage.source.draw("longask" if rng.random() < REASONED else "manner", 1, rng)[0]
    frames = (("", ""),) * int(rng.integers(3, 16)) + (("", f" {tail}"),)
    plan = str(rng.choice(("free", "subscription"), p=(0.7, 0.3)))
    fields: dict[str, object] = {
        "clients": clients.browsers(int(rng.integers(1, 3)), rng),
        "channel": "web_app",
        "plan": plan,
        "verification": "payment" if plan == "subscription" else "email",
        "payment": stage.fresh("card") if plan == "subscription" else None,
        "rhythm": str(rng.choice(("office", "evening", "hacker"), p=(0.3, 0.55, 0.15))),
        "session": float(rng.lognormal(1.5, 0.6)),
        "gap": float(rng.lognormal(4.3, 0.5)),
        "conversation": True,
        "keys": 0,
        "adoption": float(rng.uniform(0, 2) * 86_400),  # the application moves its users
        "tokens": around(_WEB, rng),
    }
    voice = Voice(kinds, (None,), frames, stage.serial())
    return person(stage, population, voice, rng, **(fields | given))


def _after(rng: np.random.Generator) -> tuple[str, ...]:
    """One person's own mix of kinds, in twentieths."""
    counts = rng.multinomial(20, rng.dirichlet(ASKED_MOST))
    return tuple(np.repeat(np.array(ASKED, dtype=object), counts))


def vpn_users(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Strangers behind the same VPN exits: observed country is not the billing country."""
    accounts: list[Account] = []
    for size in parts(count, *VPN_USERS, rng):
        exits = stage.network.exits(max(6, size // 8), rng)
        stage.exits += exits
        accounts += [_tunnelled(stage, exits, rng) for _ in range(size)]
    return Cohort(accounts, share=0.7)


def _tunnelled(stage: Stage, exits: list[Address], rng: np.random.Generator) -> Account:
    """One customer of a VPN; some of its exits are more popular than others."""
    popular = 1.0 / (np.arange(len(exits)) + 3.0)
    make = web_user if rng.random() < 0.6 else developer
    account = make(stage, "vpn_user", rng)
    some = min(len(exits), int(rng.integers(2, 7)))
    picked = rng.choice(len(exits), some, p=popular / popular.sum())
    own = [] if rng.random() < 0.7 else account.addresses[:2]
    account.addresses = [exits[i] for i in picked] + own
    account.signup_ip = account.addresses[0].ip if rng.random() < 0.6 else account.signup_ip
    account.rotate = "session"
    return account


def families(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Two to five accounts with one card and one home address."""
    accounts: list[Account] = []
    while len(accounts) < count:
        country = nation(rng)
        home = stage.network.homes(country, int(rng.integers(1, 4)), rng)
        card, device = stage.fresh("card"), stage.fresh("device")
        for _ in range(min(int(rng.integers(2, 6)), count - len(accounts))):
            account = web_user(
                stage, "family", rng, country=country, addresses=list(home), payment=card,
                plan="subscription", verification="payment", email_domain=mail_domain(country, rng),
            )  # fmt: skip
            if rng.random() < 0.3:
                account.device = device
            accounts.append(account)
    return Cohort(accounts, share=0.5)


def stolen_cards(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Strangers who pay with cards of a leak: each card on two to six of them, billed elsewhere."""
    accounts: list[Account] = []
    while len(accounts) < count:
        card, billed = stage.fresh("card"), nation(rng)
        for _ in range(min(int(rng.integers(2, 7)), count - len(accounts))):
            make = developer if rng.random() < 0.6 else web_user
            accounts.append(make(
                stage, "stolen_card", rng, payment=card, billing_country=billed,
                plan="pay_as_you_go", verification="payment", email_domain=str(
                    rng.choice(stage.disposable)) if rng.random() < 0.3 else "gmail.com",
            ))  # fmt: skip
    return Cohort(accounts, share=0.8)


def fraud(stage: Stage, accounts: list[Account], share: float, rng: np.random.Generator) -> None:
    """Stolen cards among strangers: a card of one is found on one or two others."""
    paying = [a for a in accounts if a.payment and a.organization_id is None]
    for _ in range(int(len(paying) * share)):
        group = [paying[int(i)] for i in rng.choice(len(paying), int(rng.integers(2, 4)))]
        for account in group[1:]:
            account.payment = group[0].payment
