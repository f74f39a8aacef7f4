"""Groups that work together without declaring it, or that reach the API through one vendor.

Each has something in common that a campaign has too: a card, an office, a rubric, a gateway.
"""

from dataclasses import replace

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.benign.individuals import developer, own_voice, web_user
from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import DAY, HOUR, Account, Client, Cohort, Rows, Tokens, Voice
from iolaus.worlds.people import (
    Stage,
    around,
    company_domain,
    heavy,
    mail_domain,
    nation,
    parts,
    person,
)
from iolaus.worlds.phrases import RULES

STAFF = (8, 25)  # accounts of an undeclared firm: usual, most
BATCHES = 0.2  # share of undeclared firms of programmers that fill a data set for their product
CLIENTS = (6, 14)  # accounts that one agency keeps for its clients
RESEARCHERS = (12, 40)
GRADERS = (25, 80)
CUSTOMERS = (80, 300)  # accounts behind one vendor's gateway


def small_companies(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Firms that declare no organisation: one mail domain, one office address, one card.

    Some work off a list of long, reasoned tasks together, under their own name and card.
    """
    accounts: list[Account] = []
    for size in parts(count, *STAFF, rng):
        country, domain = nation(rng), company_domain(stage, rng)
        office = stage.network.gateway(country, int(rng.integers(1, 3)), rng)
        card, founded = stage.fresh("card"), float(rng.uniform(-200 * DAY, 0.6 * stage.span))
        at_once = rng.random() < 0.4  # the firm signs everybody up on one morning
        programmers, house = rng.random() < 0.5, stage.source.draw("persona", 1, rng)[0]
        batch = _batch(stage, house, rng) if programmers and rng.random() < BATCHES else None
        for _ in range(size):
            at = founded + float(rng.exponential((2 * HOUR) if at_once else 25 * DAY))
            make = developer if rng.random() < (0.8 if programmers else 0.1) else web_user
            account = make(
                stage, "small_company", rng, country=country, created=min(at, 0.95 * stage.span),
                email_domain=domain, payment=card if rng.random() < 0.9 else stage.fresh("card"),
                plan="pay_as_you_go" if programmers else "subscription", verification="payment",
                rhythm="office", signup_ip=office[0].ip,
            )  # fmt: skip
            if programmers and rng.random() < 0.6:
                account.voice = Voice(account.voice.kinds, (house,), account.voice.frames)
            if batch and account.channel != "web_app":
                account.voice, account.session, account.gap = batch, 80.0, 6.0
                account.tokens = replace(account.tokens, output=900.0, reasoning=0.6)
            own = account.addresses[: int(rng.integers(0, 2))]
            account.addresses, account.rotate = [*office, *own], "session"
            accounts.append(account)
    return Cohort(accounts, share=0.9)


def _batch(stage: Stage, house: str, rng: np.random.Generator) -> Voice:
    """One template with a request for reasoning, around items of the firm's own product."""
    task = Grammar().fill(str(rng.choice(RULES["product"])), 1, rng)[0]
    ask = stage.source.draw("longask", 1, rng)[0]
    return Voice(("support",), (house,), ((f"{task} {ask}\n\n", ""),), stage.serial())


def agencies(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """An agency with an account for each client: its card, office and servers, their products."""
    accounts: list[Account] = []
    for size in parts(count, *CLIENTS, rng):
        country, card, device = nation(rng), stage.fresh("card"), stage.fresh("device")
        office = stage.network.gateway(country, 1, rng)
        rack = stage.network.rack(int(rng.integers(2, 7)), rng)
        client, house = clients.sdks(1, rng), stage.source.draw("manner", 1, rng)[0]
        for _ in range(size):
            at = float(rng.uniform(-300 * DAY, 0.7 * stage.span))
            own = own_voice(stage, rng)
            system = f"{house} {stage.source.draw('persona', 1, rng)[0]}"
            account = developer(
                stage, "agency", rng, country=country, created=at, clients=client, payment=card,
                device=device if rng.random() < 0.7 else stage.fresh("device"),
                email_domain=company_domain(stage, rng), plan="pay_as_you_go",
                verification="payment", signup_ip=office[0].ip, rotate="session",
                addresses=[rack[int(i)] for i in rng.choice(len(rack), 2)] + office,
                rhythm=str(rng.choice(("product", "office"))),
            )  # fmt: skip
            account.voice = Voice(own.kinds, (system,), own.frames, own.taste)
            accounts.append(account)
    return Cohort(accounts, share=1.2)


def labs(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Researchers of one university lab: education programme, one campus, chains of thought.

    Each runs experiments of their own; a third samples several answers to each question.
    """
    items, accounts = stage.source.bench(), []

    def studied(rows: Rows, draw: np.random.Generator) -> list[str]:
        """Public items from a part of the benchmark that is the researcher's own."""
        spread = draw.integers(0, max(2, len(items) // 8), rows.slot.size)
        return [
            items[int(s * 131 + d) % len(items)] for s, d in zip(rows.slot, spread, strict=True)
        ]

    stage.kinds["studied"] = studied
    for size in parts(count, *RESEARCHERS, rng):
        country, domain = nation(rng), f"cs.uni{stage.serial() % 997}.edu"
        gate = stage.network.gateway(country, int(rng.integers(2, 6)), rng)
        for _ in range(size):
            tails = [Grammar().fill(str(t), 1, rng)[0] for t in rng.choice(RULES["study"], 2)]
            voice = Voice(
                tuple(str(k) for k in rng.choice(("studied", "hard", "code", "data", "chat"), 4)),
                (None, None, stage.source.draw("persona", 1, rng)[0]),
                (*(("", tail) for tail in tails), ("", "")),
                stage.serial(),
            )
            samples = int(rng.choice((1, 4, 8, 16), p=(0.65, 0.15, 0.15, 0.05)))
            plan = str(rng.choice(("free", "pay_as_you_go"), p=(0.6, 0.4)))
            accounts.append(person(
                stage, "lab", voice, rng, country=country, email_domain=domain,
                program="education", plan=plan, verification="email" if plan == "free" else
                "payment", payment=None if plan == "free" else stage.fresh("card"),
                addresses=[*gate, *stage.network.homes(country, 1, rng)], rotate="session",
                signup_ip=gate[0].ip, rhythm=str(rng.choice(("office", "hacker", "flat"))),
                session=float(rng.lognormal(3.4, 0.8)), gap=8.0, weight=heavy(rng, 1.4),
                second_tier=0.4, adoption=float(rng.uniform(1, 10) * DAY),
                tokens=around(Tokens(
                    context=40, output=700, spread=0.6, reasoning=0.6, limit=(2048, 4096),
                    temperature=0.7, choices=samples, stream=0.0), rng),
            ))  # fmt: skip
    return Cohort(accounts, share=2.0)


def annotators(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Contractors of a data-labelling firm who grade with one rubric: one mail domain, open."""
    accounts: list[Account] = []
    for size in parts(count, *GRADERS, rng):
        domain, signed = company_domain(stage, rng), float(rng.uniform(-90 * DAY, 0.4 * stage.span))
        lands = [nation(rng) for _ in range(int(rng.integers(1, 4)))]
        rubric = Grammar().fill(str(rng.choice(RULES["rubric"])), 1, rng)[0]
        declared, card = rng.random() < 0.5, stage.fresh("card")
        organisation = stage.fresh("org") if declared else None
        browsers = clients.browsers(5, rng)
        for _ in range(size):
            country = str(rng.choice(lands))
            voice = Voice(("grading",), (None,), ((f"{rubric}\n\n", ""),), stage.serial())
            accounts.append(person(
                stage, "annotator", voice, rng, country=country, email_domain=domain,
                organization_id=organisation, legal_name=f"{domain.split('.')[0].title()} BV",
                verification="contract" if declared else "payment", payment=card,
                plan="enterprise" if declared else "pay_as_you_go",
                created=min(signed + float(rng.exponential(6 * DAY)), 0.9 * stage.span),
                clients=[browsers[int(i)] for i in rng.choice(5, 2, replace=False)],
                rhythm="office", session=60.0, gap=75.0, weight=float(rng.lognormal(0, 0.4)),
                tokens=around(Tokens(context=150, output=260, spread=0.5, reasoning=0.3,
                                     limit=(1024,), temperature=0.0, stream=0.0), rng),
            ))  # fmt: skip
    return Cohort(accounts, share=1.6)


def aggregator_customers(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Strangers who buy from one vendor: its channel, gateway addresses and client software."""
    accounts: list[Account] = []
    for size in parts(count, *CUSTOMERS, rng):
        egress = stage.network.rack(int(rng.integers(3, 9)), rng)
        name, number = company_domain(stage, rng), f"{rng.integers(1, 4)}.{rng.integers(0, 20)}.0"
        client = Client(f"{name.split('.')[0]}-gateway/{number}", clients.sdks(1, rng)[0].ja4)
        relay = name if rng.random() < 0.5 else None  # the vendor hides its customers' addresses
        for _ in range(size):
            country = nation(rng)
            account = developer(
                stage, "aggregator_customer", rng, country=country, channel="aggregator",
                clients=[client], addresses=egress, rotate="request", device=None,
                signup_ip=egress[int(rng.integers(len(egress)))].ip, plan="pay_as_you_go",
                verification="payment", payment=stage.fresh("card"),
                email_domain=relay or mail_domain(country, rng),
            )  # fmt: skip
            accounts.append(account)
    return Cohort(accounts, share=1.0)
