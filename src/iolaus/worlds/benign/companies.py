"""Organisations that say who they are: products, enterprises, a declared synthetic-data job."""

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import DAY, HOUR, Account, Cohort, Rows, Tokens, Voice
from iolaus.worlds.people import (
    Stage,
    adoption,
    around,
    company_domain,
    heavy,
    mail_domain,
    nation,
    parts,
    person,
)
from iolaus.worlds.phrases import RULES
from iolaus.worlds.wording import WorkList

OFFICE_KINDS = ("business", "business", "code", "chat", "data")
SEATS = (40, 200)  # accounts of one enterprise: usual, most
JOB = (4, 8)  # accounts that one declared synthetic-data job is spread over
POOL = (90, 400)  # accounts of one reseller


def _product_voice(stage: Stage, rng: np.random.Generator) -> Voice:
    """One template with one slot: what a product sends all day."""
    task = Grammar().fill(str(rng.choice(RULES["product"])), 1, rng)[0]
    mark = str(rng.choice(("Message:", "Text:", "Input:", "Customer:", "<msg>", "###")))
    system = stage.source.draw("persona", 1, rng)[0]
    kind = str(rng.choice(("support", "support", "chat", "business")))
    frame = (f"{task}\n\n{mark} ", "" if mark != "<msg>" else "</msg>")
    return Voice((kind,), (system,), (frame,), stage.serial())


def saas(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Products: one template each, round the clock, cached prefix; some with several accounts."""
    accounts: list[Account] = []
    while len(accounts) < count:
        voice, country, domain = _product_voice(stage, rng), nation(rng), company_domain(stage, rng)
        seats = 1 if rng.random() < 0.85 else int(rng.integers(2, 5))
        organisation = stage.fresh("org") if seats > 1 or rng.random() < 0.4 else None
        servers, card = stage.network.rack(int(rng.integers(1, 9)), rng), stage.fresh("card")
        client, night_and_day = clients.sdks(1, rng), rng.random() < 0.2
        tokens = Tokens(
            context=float(rng.lognormal(5.5, 0.8)), output=float(rng.lognormal(4.6, 0.8)),
            spread=0.5, reasoning=0.02, cached=float(rng.uniform(0.4, 0.9)),
            limit=(int(rng.choice((256, 512, 1024, 2048))),),
            temperature=(None, 0.0, 0.3, 0.7)[int(rng.integers(4))],
            stream=float(rng.random() < 0.3),
        )  # fmt: skip
        for _ in range(min(seats, count - len(accounts))):
            account = person(
                stage, "saas", voice, rng, country=country, addresses=servers, clients=client,
                organization_id=organisation, email_domain=domain, plan="pay_as_you_go",
                payment=card, verification="payment", tokens=tokens, session=1.5,
                rhythm="flat" if night_and_day else "product",
                gap=5.0, rotate="request", weight=heavy(rng, 1.4), signup_ip=stage.network.homes(
                    country, 1, rng)[0].ip,
            )  # fmt: skip
            accounts.append(account)
    return Cohort(accounts, share=10.0)


def enterprises(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Declared enterprises: contract, legal name, many seats behind one NAT, one system prompt.

    In most, IT decides: all seats move to a release in the same hours. Half are opened at once.
    """
    accounts: list[Account] = []
    for size in parts(count, *SEATS, rng):
        country, domain = nation(rng), company_domain(stage, rng)
        organisation, legal = stage.fresh("org"), f"{domain.split('.')[0].title()} Ltd"
        nat = stage.network.gateway(country, int(rng.integers(1, 5)), rng)
        system = "\n".join(stage.source.draw("persona", 3, rng))
        card, signed = stage.fresh("card"), float(rng.uniform(-400 * DAY, 0.4 * stage.span))
        client = clients.browsers(2, rng) + clients.sdks(1, rng)
        together, at_once = rng.random() < 0.7, rng.random() < 0.5
        moved = float(rng.uniform(0.2, 20) * DAY)  # until IT switches to a release
        for _ in range(size):
            at = signed + float(rng.exponential(2 * HOUR if at_once else 20 * DAY))
            switch = moved + float(rng.exponential(HOUR)) if together else adoption(rng)
            accounts.append(person(
                stage, "enterprise", Voice(OFFICE_KINDS, (system,), taste=stage.serial()),
                rng, country=country, addresses=nat, clients=[client[int(rng.integers(3))]],
                organization_id=organisation, email_domain=domain, plan="enterprise", payment=card,
                verification="contract", legal_name=legal, created=min(at, stage.span * 0.9),
                signup_ip=nat[0].ip, rhythm="office", session=5.0, conversation=True,
                tokens=around(Tokens(context=500, output=300, cached=0.5, limit=(4096,)), rng),
                adoption=switch,
            ))  # fmt: skip
    return Cohort(accounts, share=1.2)


def synthetic_data(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Organisations with a contract that make training data openly: harvest-shaped.

    Six in ten spread one work list over their accounts, so that no task is sent twice.
    """
    accounts: list[Account] = []
    for size in parts(count, *JOB, rng):
        accounts += _job(stage, size, rng)
    return Cohort(accounts, share=12.0)


def _job(stage: Stage, count: int, rng: np.random.Generator) -> list[Account]:
    country, domain = nation(rng), company_domain(stage, rng)
    organisation, servers = stage.fresh("org"), stage.network.rack(6, rng)
    heads = stage.source.draw("persona", 4, rng)
    frames = tuple(
        (
            f"{head}\n\nProduce a training example for this task.\n\nTask: ",
            "\n\nExplain your reasoning, then answer.",
        )
        for head in heads
    )
    kinds: tuple[str, ...] = ("hard", "data", "code")
    if rng.random() < 0.6:
        kinds = (f"job{stage.serial()}",)
        stage.kinds[kinds[0]] = WorkList(stage, count)
    voice = Voice(kinds, ("You produce high quality training data.",), frames)
    start, client = float(rng.uniform(0.05, 0.2)) * stage.span, clients.sdks(1, rng)
    usual = Tokens(
        output=1100, spread=0.4, reasoning=0.7, choices=4, limit=(4096,), temperature=1.0
    )
    return [
        person(
            stage, "synthetic_data_job", voice, rng, country=country, addresses=servers,
            clients=client, organization_id=organisation,
            email_domain=domain, plan="enterprise", payment=None, verification="contract",
            legal_name=f"{domain.split('.')[0].title()} GmbH", created=-30 * DAY, start=start,
            end=start + 0.6 * stage.span, weight=1.0, rhythm="flat", rotate="request", gap=2.0,
            session=40.0, tokens=around(usual, rng),
        )
        for _ in range(count)
    ]  # fmt: skip


def reseller(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Transfer stations' pools: cards, devices and proxies shared, ordinary customers behind.

    Requests of many end customers are spread over a pool as they come.
    """
    accounts: list[Account] = []
    for size in parts(count, *POOL, rng):
        accounts += _pool(stage, size, rng)
    return Cohort(accounts, share=1.5)


def _pool(stage: Stage, count: int, rng: np.random.Generator) -> list[Account]:
    """One reseller's accounts; how much it shares differs from one to another."""
    proxies = stage.network.hosted(max(3, count // 3), rng) + stage.network.exits(2, rng)
    cards = [stage.fresh("card") for _ in range(max(2, count // int(rng.integers(4, 11))))]
    devices = [stage.fresh("device") for _ in range(max(2, count // int(rng.integers(5, 15))))]
    domain = str(rng.choice(("gmail.com", "outlook.com", stage.disposable[0])))
    client, alone = clients.sdks(2, rng), float(rng.uniform(0.1, 0.4))
    systems = (None, None, "You are a helpful assistant.", *stage.source.draw("persona", 25, rng))
    kinds: tuple[str, ...] = ("chat",) * 5 + ("code",) * 3
    kinds += ("business", "data", "agentic", "support")
    for _ in range(int(rng.integers(0, 3))):
        kinds += (_resold(stage, rng),) * int(rng.integers(1, 5))
    asks = [("", f"\n{ask}") for ask in stage.source.draw("longask", 2, rng)]
    usual = Tokens(context=500, output=330, spread=1.1, reasoning=0.15, cached=0.1)
    accounts = []
    for _ in range(count):
        own, plan = rng.random() < alone, "pay_as_you_go" if rng.random() < 0.85 else "subscription"
        accounts.append(person(
            stage, "reseller", Voice(kinds, systems, (("", ""),) * 12 + tuple(asks)), rng,
            created=float(rng.uniform(-60 * DAY, 0.5 * stage.span)),
            addresses=[proxies[int(i)] for i in rng.choice(len(proxies), 3)], clients=client,
            payment=stage.fresh("card") if own else str(rng.choice(cards)),
            device=stage.fresh("device") if own else str(rng.choice(devices)),
            email_domain=domain if rng.random() < 0.7 else mail_domain(nation(rng), rng),
            rotate="request", plan=plan, verification="payment", rhythm="product", session=1.2,
            weight=float(rng.lognormal(0, 0.25)), adoption=float(rng.uniform(1, 6) * DAY),
            tokens=around(usual, rng),
        ))  # fmt: skip
    return accounts


def _resold(stage: Stage, rng: np.random.Generator) -> str:
    """A kind: one product that buys from the reseller, so that its template is on all accounts."""
    voice, kind = _product_voice(stage, rng), f"resold{stage.serial()}"
    head, tail = voice.frames[0]
    if rng.random() < 0.3:  # an honest product that wants reasoned answers
        tail += f"\n\n{stage.source.draw('longask', 1, rng)[0]}"

    def sent(rows: Rows, draw: np.random.Generator) -> list[str]:
        taste = np.full(rows.slot.size, voice.taste)
        bodies = stage.source.draw(voice.kinds[0], rows.slot.size, draw, taste)
        return [f"{head}{body}{tail}" for body in bodies]

    stage.kinds[kind] = sent
    return kind
