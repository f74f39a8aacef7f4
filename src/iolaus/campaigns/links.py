"""links: pairs of accounts with the evidence, in bits, that one operator holds both.

A shared token is worth log2 P(shared | one operator) / P(shared | strangers). The second term is
counted in the log itself: how many pairs share a token of the family at least as rare, and
nothing of any other family. So the popular framework, the carrier's NAT and the VPN exit weigh
next to nothing without a list of exceptions. Families are correlated inside: the best token of a
family counts; families add.

1. Forecast the pairs that each kind of token would propose, and set each kind's hub limit.
2. Propose pairs from tokens below the limit; note the rarest shared token by family.
3. Let hubs add evidence to the pairs that others proposed.
4. Turn rarity into bits by the strangers' rate of each family.
5. Let asking about the same things add to it, as far as the wording does not say so already.
6. Keep the pairs whose bits exceed the threshold.

Source: Fellegi and Sunter, "A theory for record linkage", 1969 (m and u probabilities).
"""

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.campaigns.content import Content
from iolaus.campaigns.holdings import rarest_common
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.tables import FAMILIES, TOKEN_FAMILIES
from iolaus.engine import Engine, Table

MAX_HOLDERS = 200  # 200 * 199 / 2 = 19,900 pairs per token at most
MIN_HUB = 10  # in a small log a token of so few holders is no hub yet
HUB_SHARE = 0.05  # a token that one account in twenty holds is a hub
# Of all accounts: what half of them hold says nothing (at most log2(0.6 / 0.25) = 1.3 bits),
# and next to it no pair would share one family alone, by which the strangers' rates are counted.
EVERYBODYS = 0.5
PAIR_BUDGET = 12_000_000  # pair rows before merging; 12e6 * 24 bytes = 288 MB
FALSE_LINKS = 0.05  # expected links to strangers per account; percolation begins near 1
CONTENT, WORDING = FAMILIES.index("content"), FAMILIES.index("wording")
RANDOM_PAIRS = 200_000  # sampled to learn how often strangers share a hub

# P(two accounts of one operator share a token of the family). An operator who reuses less than
# this is found by his other families; a factor of 2 here moves a link by 1 bit.
ONE_OPERATOR = {
    "money": 0.2,
    "device": 0.2,
    "network": 0.4,
    "registration": 0.2,
    "wording": 0.6,
    "tempo": 0.2,
    "content": 0.3,
}
MOST_CONTENT = 6.0  # bits: what accounts ask about is no identity

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Forecast:
    """What linking will cost: pair rows by kind of token, and each kind's hub limit (holders)."""

    pairs: dict[str, int]
    limits: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.pairs.values())


@dataclass(frozen=True)
class Links:
    """Pairs above the threshold, `a` < `b`: account keys."""

    a: Ints
    b: Ints
    families: Floats  # bits, pairs x FAMILIES
    bits: Floats  # their sum
    threshold: float  # bits


def forecast(engine: Engine, tokens: Table, accounts: int) -> Forecast:
    """Count what each kind of token would propose; lower the dearest kinds' hub limits to fit."""
    sizes = engine.fetch(
        f"SELECT kind, holders, count(*) // holders AS tokens FROM {tokens.name} "
        "GROUP BY kind, holders ORDER BY kind, holders"
    )
    kind = np.asarray(sizes["kind"].to_pylist(), dtype=object)
    holders = sizes["holders"].to_numpy().astype(np.int64)
    pairs = sizes["tokens"].to_numpy() * (holders * (holders - 1) // 2)
    start = min(MAX_HOLDERS, max(MIN_HUB, int(HUB_SHARE * accounts)))
    limits = dict.fromkeys(sorted(set(kind)), start)

    def cost(name: str) -> int:
        return int(pairs[(kind == name) & (holders <= limits[name])].sum())

    costs = {name: cost(name) for name in limits}
    while sum(costs.values()) > PAIR_BUDGET:
        dearest = max(costs, key=lambda name: costs[name])
        limits[dearest] //= 2
        costs[dearest] = cost(dearest)
    return Forecast(costs, limits)


def link(
    engine: Engine, table: Table, tokens: TokenMatrix, content: Content, plan: Forecast, seed: int
) -> Links:
    """Link accounts by shared tokens: those of `table`, which are loaded as `tokens`."""
    accounts = tokens.held.shape[0]
    a, b, rarity = _propose(engine, table, accounts, plan)
    hubs = _Hubs.of(tokens, plan)
    hubs.raise_to_shared(rarity, a, b)
    strangers = _random_pairs(accounts, seed)
    sampled = np.zeros((strangers[0].size, len(FAMILIES)))
    hubs.raise_to_shared(sampled, *strangers)
    families = _bits(rarity, sampled, accounts)
    families[:, CONTENT] = _content_bits(content, a, b, strangers, families[:, WORDING])
    threshold = math.log2(max(accounts, 2) / (2 * FALSE_LINKS))
    bits = families.sum(axis=1)
    keep = bits >= threshold
    return Links(a[keep], b[keep], families[keep], bits[keep], threshold)


def _propose(
    engine: Engine, tokens: Table, accounts: int, plan: Forecast
) -> tuple[Ints, Ints, Floats]:
    """Pairs from tokens below the hub limits, with the rarest shared token's rarity by family.

    Rarity: log2((accounts - 1) / (holders - 1)), the bits of a random other account holding it.
    """
    limits = pa.table({"kind": list(plan.limits), "most": list(plan.limits.values())})
    engine.register("hub_limits", limits)
    best = ", ".join(
        f"coalesce(min(x.holders) FILTER (WHERE x.family = '{f}'), 0)::INTEGER AS {f}"
        for f in TOKEN_FAMILIES
    )
    pairs = engine.fetch(
        f"""
        WITH few AS (
            SELECT account, family, kind, value, holders
            FROM {tokens.name} JOIN hub_limits USING (kind) WHERE holders <= most
        )
        SELECT x.account AS a, y.account AS b, {best}
        FROM few AS x JOIN few AS y USING (kind, value)
        WHERE x.account < y.account
        GROUP BY a, b ORDER BY a, b
        """
    )
    rarity = np.zeros((pairs.num_rows, len(FAMILIES)))  # content proposes nothing
    for column, family in enumerate(TOKEN_FAMILIES):  # one at a time: there may be 12 million rows
        holders = pairs[family].to_numpy()
        held = np.flatnonzero(holders > 0)
        rarity[held, column] = np.log2((accounts - 1) / np.maximum(holders[held] - 1, 1))
    return pairs["a"].to_numpy().astype(np.int64), pairs["b"].to_numpy().astype(np.int64), rarity


@dataclass(frozen=True)
class _Hubs:
    """Tokens above their kind's limit but not everybody's: the family's number of each token, -1
    for the others, and its rarity."""

    tokens: TokenMatrix
    column: NDArray[np.int32]
    rarity: Floats

    @classmethod
    def of(cls, tokens: TokenMatrix, plan: Forecast) -> "_Hubs":
        accounts = tokens.held.shape[0]
        hub = (tokens.holders > tokens.most(plan.limits)) & (
            tokens.holders <= EVERYBODYS * accounts
        )
        rarity = np.log2((accounts - 1) / np.maximum(tokens.holders - 1, 1)) + 1e-9
        return cls(tokens, np.where(hub, tokens.family, -1).astype(np.int32), rarity)

    def raise_to_shared(self, rarity: Floats, a: Ints, b: Ints) -> None:
        """Raise the pairs' rarities (pairs x FAMILIES) to that of the rarest hub that both accounts
        hold."""
        of = self.tokens.holdings
        rarest_common(of.start, of.held, self.column, self.rarity, a, b, rarity)


def _content_bits(
    content: Content, a: Ints, b: Ints, strangers: tuple[Ints, Ints], wording: Floats
) -> Floats:
    """Bits of each pair's similarity, by the random pairs as similar; less the wording's."""
    random = np.sort(content.similarity(*strangers))
    alike = random.size - np.searchsorted(random, content.similarity(a, b), side="left")
    rate = (alike + 1) / (random.size + 1)
    bits = np.minimum(np.log2(ONE_OPERATOR["content"] / rate), MOST_CONTENT)
    both = content.known[a] & content.known[b]
    return np.where(both, np.maximum(bits - wording, 0.0), 0.0)


def _random_pairs(accounts: int, seed: int) -> tuple[Ints, Ints]:
    draw = np.random.default_rng(seed)
    a = draw.integers(0, accounts, RANDOM_PAIRS)
    b = draw.integers(0, accounts, RANDOM_PAIRS)
    different = a != b
    return a[different], b[different]


def _bits(rarity: Floats, sampled: Floats, accounts: int) -> Floats:
    """log2(P(shared | one operator) / P(shared | strangers)) per pair and family, 0 or more.

    A stranger pair is one that shares tokens of a single family. Its rate is counted among the
    proposed pairs (rare tokens) plus, for hubs, among random pairs (`sampled`).
    """
    everyone = accounts * (accounts - 1) / 2
    alone = (rarity > 0).sum(axis=1) == 1
    sampled_alone = (sampled > 0).sum(axis=1) == 1
    bits = np.zeros_like(rarity)
    for column, family in enumerate(FAMILIES):
        mine = rarity[:, column]
        strangers = np.sort(mine[alone & (mine > 0)])
        hubs = np.sort(sampled[sampled_alone, column])
        shared = mine[mine > 0]
        rarer = strangers.size - np.searchsorted(strangers, shared, side="left")
        hub_rate = (hubs.size - np.searchsorted(hubs, shared, side="left")) / max(len(sampled), 1)
        rate = np.minimum(1.0, np.maximum((rarer + 1) / everyone, hub_rate))
        bits[mine > 0, column] = np.maximum(0.0, np.log2(ONE_OPERATOR[family] / rate))
    return bits
