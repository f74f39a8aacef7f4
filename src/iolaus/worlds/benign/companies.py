"""Organisations that say who they are: products, enterprises, a declared synthetic-data job."""

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import DAY, Account, Cohort, Tokens, Voice
from iolaus.worlds.people import Stage, company_domain, heavy, nation, person
from iolaus.worlds.phrases import RULES

OFFICE_KINDS = ("business", "business", "code", "chat", "data")


def _product_voice(stage: Stage, rng: np.random.Generator) -> Voice:
    """One template with one slot: what a product sends all day."""
    task = Grammar().fill(str(rng.choice(RULES["product"])), 1, rng)[0]
    mark = str(rng.choice(("Message:", "Text:", "Input:", "Customer:", "<msg>", "###")))
    system = stage.source.draw("persona", 1, rng)[0]
    kind = str(rng.choice(("support", "support", "chat", "business")))
    return Voice((kind,), (system,), ((f"{task}\n\n{mark} ", "" if mark != "<msg>" else "</msg>"),))


def saas(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Products: one template each, round the clock, cached prefix; some with several accounts."""
    accounts: list[Account] = []
    while len(accounts) < count:
        voice, country, domain = _product_voice(stage, rng), nation(rng), company_domain(stage, rng)
        seats = 1 if rng.random() < 0.85 else int(rng.integers(2, 5))
        organisation = stage.fresh("org") if seats > 1 or rng.random() < 0.4 else None
        servers, card = stage.network.rack(int(rng.integers(1, 9)), rng), stage.fresh("card")
        client = clients.sdks(1, rng)
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
                payment=card, verification="payment", tokens=tokens, rhythm="product", session=1.5,
                gap=5.0, rotate="request", weight=heavy(rng, 1.4), signup_ip=stage.network.homes(
                    country, 1, rng)[0].ip,
            )  # fmt: skip
            accounts.append(account)
    return Cohort(accounts, share=10.0)


def enterprises(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Declared enterprises: contract, legal name, many seats behind one NAT, one system prompt."""
    accounts: list[Account] = []
    while len(accounts) < count:
        country, domain = nation(rng), company_domain(stage, rng)
        organisation, legal = stage.fresh("org"), f"{domain.split('.')[0].title()} Ltd"
        nat = stage.network.gateway(country, int(rng.integers(1, 5)), rng)
        system = "\n".join(stage.source.draw("persona", 3, rng))
        card, signed = stage.fresh("card"), -float(rng.uniform(5, 400) * DAY)
        client = clients.browsers(2, rng) + clients.sdks(1, rng)
        for _ in range(min(int(rng.integers(15, 70)), count - len(accounts))):
            at = signed + float(rng.exponential(20 * DAY))
            accounts.append(person(
                stage, "enterprise", Voice(OFFICE_KINDS, (system,)),
                rng, country=country, addresses=nat, clients=[client[int(rng.integers(3))]],
                organization_id=organisation, email_domain=domain, plan="enterprise", payment=card,
                verification="contract", legal_name=legal, created=min(at, stage.span / 2),
                signup_ip=nat[0].ip, rhythm="office", session=5.0, conversation=True,
                tokens=Tokens(context=500, output=300, cached=0.5, limit=(4096,)),
            ))  # fmt: skip
    return Cohort(accounts, share=1.2)


def synthetic_data(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """One organisation with a contract that makes training data openly: harvest-shaped."""
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
    voice = Voice(("hard", "data", "code"), ("You produce high quality training data.",), frames)
    start, client = float(rng.uniform(0.05, 0.2)) * stage.span, clients.sdks(1, rng)
    accounts = [
        person(
            stage, "synthetic_data_job", voice, rng, country=country, addresses=servers,
            clients=client, organization_id=organisation,
            email_domain=domain, plan="enterprise", payment=None, verification="contract",
            legal_name=f"{domain.split('.')[0].title()} GmbH", created=-30 * DAY, start=start,
            end=start + 0.6 * stage.span, weight=1.0, rhythm="flat", rotate="request", gap=2.0,
            session=40.0, tokens=Tokens(output=1100, spread=0.4, reasoning=0.7, choices=4,
                                        limit=(4096,), temperature=1.0),
        )
        for _ in range(count)
    ]  # fmt: skip
    return Cohort(accounts, share=12.0)


def reseller(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """A transfer station's pool: cards, devices and proxies shared, ordinary customers behind.

    Requests of many end customers are spread over the pool as they come.
    """
    proxies = stage.network.hosted(max(3, count // 3), rng) + stage.network.exits(2, rng)
    cards = [stage.fresh("card") for _ in range(max(2, count // 7))]
    devices = [stage.fresh("device") for _ in range(max(2, count // 9))]
    domain = str(rng.choice(("gmail.com", "outlook.com", stage.disposable[0])))
    client = clients.sdks(2, rng)
    systems = (None, None, "You are a helpful assistant.", *stage.source.draw("persona", 25, rng))
    kinds = ("chat",) * 5 + ("code",) * 3 + ("business", "data", "agentic", "support")
    accounts = []
    for _ in range(count):
        at = float(rng.uniform(-60 * DAY, 0.5 * stage.span))
        own = rng.random() < 0.25
        accounts.append(person(
            stage, "reseller", Voice(kinds, systems), rng, created=at,
            addresses=[proxies[int(i)] for i in rng.choice(len(proxies), 3)], clients=client,
            payment=stage.fresh("card") if own else str(rng.choice(cards)),
            device=stage.fresh("device") if own else str(rng.choice(devices)),
            email_domain=domain if rng.random() < 0.7 else "gmail.com", rotate="request",
            plan="pay_as_you_go", verification="payment", rhythm="product", session=1.2,
            weight=float(rng.lognormal(0, 0.25)), adoption=float(rng.uniform(1, 6) * DAY),
            tokens=Tokens(context=500, output=330, spread=1.1, reasoning=0.15, cached=0.1),
        ))  # fmt: skip
    return Cohort(accounts, share=1.5)
