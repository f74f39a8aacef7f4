"""Strangers who look like one operator: framework users, a class, a hackathon, NATs, benchmarks."""

from collections.abc import Callable
from typing import Final

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.benign.individuals import developer, web_user
from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import DAY, HOUR, Account, Address, Client, Cohort, Rows, Tokens, Voice
from iolaus.worlds.people import Stage, around, heavy, nation, parts, person

_JA4 = clients.sdks(1, np.random.default_rng(0))[0].ja4
FRAMEWORK_SYSTEM = """You are OpenAgent, an autonomous software engineer that works in a terminal.
You can read files, edit files, run commands and search the web through the tools offered.
Work step by step: state what you observed, decide the next action, then call exactly one tool.
Never invent file contents. Prefer small edits. Run the tests after each change.
When the task is complete, call finish with a short summary of what changed and why.
If a command fails twice, change the approach. Do not ask the user unless access is missing.
Keep secrets out of the log. Respect the repository's own conventions and its CONTRIBUTING file.
Long tasks: keep a plan, mark done items, and revise the plan when an observation contradicts it."""
RESEARCH_SYSTEM = """You are a researcher node in a graph of agents. Use the tools to gather facts.
Reason in the form Thought, Action, Action Input, Observation, and repeat until you know enough.
Write every thought out in full before you act; the reviewer node reads your thoughts.
End with 'Final Answer:' and a report of at least eight paragraphs that cites each observation."""
REVIEW_SYSTEM = """You review one change at a time. Explain step by step what the change does,
then what may break, then what you would ask the author. Quote the lines that you mean.
Finish with a verdict: approve, comment or block."""
# Client, system prompt, kinds, what stands around a task. {root} is the user's own folder.
FRAMEWORKS: Final = (
    (Client("openagent-cli/0.14.2 (httpx)", _JA4), FRAMEWORK_SYSTEM, ("agentic", "code", "agentic"),
     ("<task>\n", "\n</task>\n<environment>\ncwd: {root}\nshell: bash\n</environment>")),
    (Client("graphcrew/1.8.0 python-httpx", _JA4), RESEARCH_SYSTEM, ("agentic", "business", "chat"),
     ("Question: ", "\nThought:")),
    (Client("diffpilot-action/3.2", _JA4), REVIEW_SYSTEM, ("code",),
     ("Repository: {root}\n\nChange:\n", "\n\nExplain your reasoning step by step.")),
)  # fmt: skip
FRAMEWORK_SHARES: Final = (0.6, 0.25, 0.15)

CAMPUS: Final = (120, 500)  # accounts behind one campus, and one carrier: usual, most
CLASS: Final = (45, 200)
VENUE: Final = (45, 250)
ON_VPN: Final = 0.25  # share of evaluators who run their harness through one VPN


def framework_users(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Independent users of a few frameworks: their prompt and client, own work and network."""
    accounts = []
    for _ in range(count):
        software, system, kinds, (head, tail) = FRAMEWORKS[int(rng.choice(3, p=FRAMEWORK_SHARES))]
        root = Grammar().fill("/home/{ident}/{ident}", 1, rng)[0]
        frame = (head.format(root=root), tail.format(root=root))
        voice = Voice(kinds, (system,), (frame,), stage.serial())
        other = clients.sdks(1, rng) if rng.random() < 0.2 else []
        accounts.append(person(
            stage, "framework_user", voice, rng, clients=[software, *other],
            weight=heavy(rng, 1.5), session=float(rng.lognormal(2.8, 0.7)), gap=25.0,
            rhythm=str(rng.choice((
                "office", "hacker", "evening", "flat"), p=(0.4, 0.3, 0.2, 0.1))),
            tokens=around(Tokens(context=float(rng.lognormal(8.3, 0.6)), output=420, spread=0.9,
                                 reasoning=0.5, cached=0.8, tools=9, limit=(8192,), stream=1.0),
                          rng),
        ))  # fmt: skip
    return Cohort(accounts, share=2.0)


def campus(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Strangers at one university: some addresses of one /24, their own work."""
    return _behind(stage, "campus_nat", count, 8, rng, mobile=False)


def carrier(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Strangers behind one mobile carrier's NAT."""
    return _behind(stage, "carrier_nat", count, 5, rng, mobile=True)


def _behind(
    stage: Stage, population: str, count: int, addresses: int, rng: np.random.Generator, *,
    mobile: bool,
) -> Cohort:  # fmt: skip
    accounts: list[Account] = []
    for size in parts(count, *CAMPUS, rng):
        country = nation(rng)
        gate = stage.network.gateway(country, addresses, rng, mobile=mobile)
        for _ in range(size):
            if rng.random() < 0.75:
                account = web_user(stage, population, rng, country=country)
            else:
                account = developer(stage, population, rng, country=country)
            own = account.addresses[: int(rng.integers(0, 3))]
            account.addresses = [*rng.permutation(np.array(gate, dtype=object)), *own]
            account.signup_ip = gate[int(rng.integers(len(gate)))].ip
            account.rotate = "session"
            accounts.append(account)
    return Cohort(accounts, share=0.6)


def classroom(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Classes with one assignment each: one university's mail, sign-ups in a week, one campus."""
    accounts: list[Account] = []
    for size in parts(count, *CLASS, rng):
        accounts += _class(stage, size, rng)
    return Cohort(accounts, share=0.5)


def _class(stage: Stage, count: int, rng: np.random.Generator) -> list[Account]:
    country = nation(rng)
    domain = f"students.uni{stage.serial() % 997}.edu"
    gate = stage.network.gateway(country, 6, rng)
    first = float(rng.uniform(0.1, 0.45)) * stage.span
    weeks = min(14 * DAY, stage.span - first)
    kind = f"assignment{stage.serial()}"
    stage.kinds[kind] = _assignment(stage, stage.source.draw("hard", 6, rng))
    asks = stage.source.draw("longask", 1, rng)[0] if rng.random() < 0.5 else ""
    accounts = []
    for _ in range(count):
        at = first + float(rng.uniform(0, weeks / 2))
        frame = (stage.source.draw("please", 1, rng)[0] + " help: ", f" {asks}".rstrip())
        home = stage.network.homes(country, 2, rng)
        account = web_user(
            stage, "class", rng, country=country, created=at, start=at, end=first + weeks,
            email_domain=domain, program="education", plan="free", payment=None,
            verification="email", addresses=[*gate, *home], signup_ip=gate[0].ip, rotate="session",
        )  # fmt: skip
        voice = account.voice
        own = (kind, kind, voice.kinds[int(rng.integers(len(voice.kinds)))])
        account.voice = Voice(own, (None,), (("", ""), frame), voice.taste)
        accounts.append(account)
    return accounts


def _assignment(stage: Stage, texts: list[str]) -> Callable[[Rows, np.random.Generator], list[str]]:
    """Which text of the assignment a row sends, half of them with a question of one's own."""

    def parts_of_it(rows: Rows, draw: np.random.Generator) -> list[str]:
        ends = stage.source.draw("snippetask", rows.slot.size, draw)
        part = draw.integers(0, len(texts), rows.slot.size)
        return [f"{texts[p]}\n{e}" if p % 2 else texts[p] for p, e in zip(part, ends, strict=True)]

    return parts_of_it


def evaluators(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Independent evaluators: the same public items in the same harnesses; some on one VPN."""
    items = stage.source.bench()

    def item(rows: Rows, _: np.random.Generator) -> list[str]:
        return [
            items[int(s * 7 + q) % len(items)]
            for s, q in zip(rows.slot, rows.sequence, strict=True)
        ]

    stage.kinds["benchmark"] = item
    harness = (
        (("Question: ", "\nAnswer:"),), (("Q: ", "\nA: Let's think step by step."),),
        (("", "\nPut the final answer in \\boxed{}."),), (("", ""),),
    )  # fmt: skip
    rubric = (
        "Grade the answer from 1 to 10 for correctness and helpfulness. Only the score.\n\n", "",
    )  # fmt: skip
    exits = stage.network.exits(4, rng)
    accounts = []
    for _ in range(count):
        judges, tunnel = rng.random() < 0.25, rng.random() < ON_VPN
        voice = Voice(("benchmark",), (None,), harness[int(rng.integers(4))])
        if judges:
            voice = Voice(("grading",), ("You are an impartial judge.",), (rubric,))
        many = rng.random() < 0.2
        given = {"addresses": exits, "signup_ip": exits[0].ip} if tunnel else {}
        accounts.append(person(
            stage, "evaluator", voice, rng, rhythm="office", session=150.0, gap=3.0,
            adoption=float(rng.uniform(2, 72) * HOUR), second_tier=0.5,
            tokens=around(Tokens(
                context=20, output=260, spread=0.5, reasoning=0.4, limit=(1024, 2048),
                temperature=0.7 if many else 0.0, choices=8 if many else 1, stream=0.0), rng),
            **given,
        ))  # fmt: skip
    return Cohort(accounts, share=2.5)


def hackathon(stage: Stage, count: int, rng: np.random.Generator) -> Cohort:
    """Hackathons: one venue each, sign-ups within hours, 36 to 48 hours on promotional credit."""
    accounts: list[Account] = []
    for size in parts(count, *VENUE, rng):
        country = nation(rng)
        venue = stage.network.gateway(country, 2, rng)
        first = float(rng.uniform(0.2, 0.6)) * stage.span
        length = min(float(rng.uniform(36, 48)) * HOUR, stage.span - first)
        accounts += [
            _builder(stage, country, venue, first, length, rng) for _ in range(size)
        ]  # fmt: skip
    return Cohort(accounts, share=1.5)


def _builder(
    stage: Stage, country: str, venue: list[Address], first: float, length: float,
    rng: np.random.Generator,
) -> Account:  # fmt: skip
    """One who takes part, from the venue's opening `first` for `length` seconds."""
    account = developer(stage, "hackathon", rng, country=country)
    account.addresses = [*venue, *account.addresses[:1]]
    account.created = first + float(rng.exponential(1.5 * HOUR)) % (length / 3)
    account.start, account.end = account.created, first + length
    account.signup_ip, account.rotate, account.rhythm = venue[0].ip, "session", "hacker"
    account.plan, account.payment, account.verification = "free", None, "email"
    account.program, account.adoption = "startup", float("inf")
    voice = account.voice
    account.voice = Voice(("agentic", "code", "chat"), voice.systems, voice.frames, voice.taste)
    account.session, account.gap = 20.0, 40.0
    return account
