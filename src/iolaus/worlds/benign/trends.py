"""Strangers whom one thing on the internet moves: a prompt, a course, a viral post, a shop.

They have nothing in common but that thing, and it shows in wording, hours or sign-ups.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.benign.individuals import developer, web_user
from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import DAY, HOUR, Account, Cohort, Rows, Voice
from iolaus.worlds.people import Stage, mail_domain, nation, parts
from iolaus.worlds.phrases import RULES

Texts = Callable[[Rows, np.random.Generator], list[str]]
READERS = (60, 400)  # accounts that use one prompt pack: usual, most
CROWD = (120, 2_000)  # sign-ups that one post brings
LEARNERS = (70, 400)
SOLD = (40, 120)  # accounts of one shop's batch
EXERCISES = 40
PACE = 5  # exchanges that a learner spends on an exercise


def prompt_packs(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Users of a popular prompt: the same long instruction to reason, before their own question."""
    accounts: list[Account] = []
    for size in parts(count, *READERS, rng):
        pack = Grammar().fill(str(rng.choice(RULES["pack"])), 1, rng)[0]
        for _ in range(size):
            make = web_user if rng.random() < 0.65 else developer
            account = make(stage, "prompt_pack", rng)
            voice, often = account.voice, int(rng.integers(1, 5))
            if account.channel != "web_app" and rng.random() < 0.5:
                account.voice = Voice(voice.kinds, (pack,), voice.frames, voice.taste)
            else:
                frames = ((f"{pack}\n", ""),) * often + (("", ""),)
                account.voice = Voice(voice.kinds, voice.systems, frames, voice.taste)
            accounts.append(account)
    return Cohort(accounts, share=0.7)


def flash_crowds(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """A release or a viral post: sign-ups within hours, its prompts, the newest model at once.

    Two in three are gone after a day or two.
    """
    accounts: list[Account] = []
    for size in parts(count, *CROWD, rng):
        posted = float(rng.uniform(0.1, 0.85)) * stage.span
        if stage.released and rng.random() < 0.5:
            posted = float(rng.choice(stage.released))
        kind, texts = f"viral{stage.serial()}", stage.source.draw("viral", 6, rng)
        stage.kinds[kind] = _listed(texts)
        for _ in range(size):
            at = posted + float(rng.exponential(5 * HOUR)) % (1.5 * DAY)
            at = min(at, 0.95 * stage.span)
            account = web_user(
                stage, "flash_crowd", rng, created=at, start=at, adoption=float(rng.exponential(
                    HOUR)), tier=2, second_tier=0.05,
                plan=str(rng.choice(("free", "subscription"), p=(0.9, 0.1))),
            )  # fmt: skip
            if rng.random() < 0.65:
                account.end = at + float(rng.uniform(0.5, 2.0)) * DAY
            voice = account.voice
            kinds = (kind,) * max(1, len(voice.kinds) // 3) + voice.kinds
            account.voice = Voice(kinds, voice.systems, voice.frames, voice.taste)
            accounts.append(account)
    return Cohort(accounts, share=0.25)


def _listed(texts: list[str]) -> Texts:
    def drawn(rows: Rows, draw: np.random.Generator) -> list[str]:
        return [texts[int(i)] for i in draw.integers(0, len(texts), rows.slot.size)]

    return drawn


def courses(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Learners of one online course: the same exercises in the same order, each at home.

    The exercises ask for reasoning; the course's notebook sends them with its own settings.
    """
    accounts: list[Account] = []
    for size in parts(count, *LEARNERS, rng):
        opened = float(rng.uniform(0.0, 0.5)) * stage.span
        kind, texts = f"exercise{stage.serial()}", stage.source.draw("exercise", EXERCISES, rng)
        stage.kinds[kind] = _in_order(texts)
        notebook, limit = clients.sdks(1, rng), (int(rng.choice((512, 1024, 2048))),)
        for _ in range(size):
            at = min(opened + float(rng.exponential(4 * DAY)), 0.9 * stage.span)
            account = developer(
                stage, "course", rng, created=at, start=at, clients=notebook, rhythm="evening",
                plan=str(rng.choice(("free", "pay_as_you_go"), p=(0.7, 0.3))), payment=None,
                verification="email", session=12.0, gap=90.0,
            )  # fmt: skip
            if account.plan != "free":
                account.payment, account.verification = stage.fresh("card"), "payment"
            voice = account.voice
            account.voice = Voice((kind, kind, *voice.kinds[:1]), (None,), (("", ""),), voice.taste)
            account.tokens = replace(account.tokens, limit=limit, temperature=0.7, choices=1)
            account.weight = float(rng.lognormal(0.0, 0.6))
            accounts.append(account)
    return Cohort(accounts, share=0.5)


def _in_order(texts: list[str]) -> Texts:
    def next_ones(rows: Rows, _: np.random.Generator) -> list[str]:
        return [texts[int(q) // PACE % len(texts)] for q in rows.sequence]

    return next_ones


def shop_accounts(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Accounts that a shop opened in batches and sold, one each, to strangers.

    Device, sign-up address, card and disposable mail are the shop's; use is the buyer's own.
    """
    accounts: list[Account] = []
    for size in parts(count, *SOLD, rng):
        devices = [stage.fresh("device") for _ in range(max(1, size // 12))]
        cards = [stage.fresh("card") for _ in range(max(1, size // 8))]
        farm = stage.network.hosted(max(2, size // 10), rng)
        domains = [str(rng.choice(stage.disposable)), "gmail.com", "outlook.com"]
        opened = float(rng.uniform(-60 * DAY, 0.5 * stage.span))
        for _ in range(size):
            country, at = nation(rng), opened + float(rng.exponential(3 * HOUR))
            make = developer if rng.random() < 0.6 else web_user
            bought = min(at + float(rng.exponential(8 * DAY)), 0.95 * stage.span)
            account = make(
                stage, "shop_account", rng, country=country, created=at, start=max(at, bought),
                billing_country=nation(rng), device=str(rng.choice(devices)),
                payment=str(rng.choice(cards)), signup_ip=farm[int(rng.integers(len(farm)))].ip,
                email_domain=str(rng.choice(domains)) if rng.random() < 0.8 else mail_domain(
                    country, rng), plan="pay_as_you_go", verification="payment",
            )  # fmt: skip
            accounts.append(account)
    return Cohort(accounts, share=0.9)
