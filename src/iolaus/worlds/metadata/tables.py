"""What rows are looked up in, as few flat arrays: accounts as records, texts, kinds, shapes.

Few and flat, because the loop over rows runs ten times slower over a tuple of many arrays: each
touch would count references.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.core.hashing import hash64, mix64
from iolaus.core.tables import CAPABILITIES
from iolaus.worlds.attacks import Attack
from iolaus.worlds.days import Releases
from iolaus.worlds.metadata.folk import CHANNELS, COUNTRIES, INTS, Folk
from iolaus.worlds.metadata.wording import FRAME_PHRASES, SHAPES, Texts, kind_of
from iolaus.worlds.model import Floats, Ints

NORMALS: Final = 1 << 16  # quantiles of the normal distribution that sizes are drawn from
QUANTILES: Final = 4_096  # of a body's words
MILLE = 1_000  # shares in integer tables are in thousandths

# Columns of `texts`, of `kinds`, of `shapes` and of `queues`.
HASH, MASKED, PHRASE = range(3)
BEFORE, AFTER, CHARS, AIM, SURE = range(PHRASE + FRAME_PHRASES, PHRASE + FRAME_PHRASES + 5)
HOW, SHAPE, OWN, SIZE = range(4)
COMMON, MANY, EXACT, PER_WORD, AIMS = range(5)
QUEUE_HASH, RUBRIC = range(2)

Small = NDArray[np.int32]


class Tables(NamedTuple):
    """What the loop over rows reads."""

    ints: Small  # accounts x (INTS, number of its queue + 1); slices point into `pool`
    reals: NDArray[np.float32]  # accounts x REALS
    addresses: Ints  # addresses x (code of the IP, AS number, country)
    pool: Small  # clients, limits, kinds, frames and system prompts (-1: none), end to end
    kinds: Ints  # kinds x (how its bodies are chosen, shape, own hash, number of bodies)
    texts: Ints  # frames, then system prompts x (HASH, MASKED, PHRASE..., BEFORE, ..., SURE)
    shapes: Floats  # shapes x (common, many, exact, characters per word, aims cumulative)
    words: Small  # shapes x QUANTILES
    normals: NDArray[np.float32]
    releases: Floats  # tiers x releases, seconds; inf where there is none
    queues: Ints  # queues x (hash, share of grading)
    slots: Small  # in the order of the accounts' ids


@dataclass(frozen=True)
class Dictionaries:
    """Strings that columns' codes stand for, and what follows from a client."""

    ips: NDArray[np.uint32]
    agents: pa.Array
    agent_of: Small  # client -> user agent
    ja4s: pa.Array
    ja4_of: Small
    organizations: pa.Array
    models: pa.Array
    model_of: Small  # tiers x releases
    keys: int  # how many API keys there are


def tables(
    folk: Folk, releases: Releases, attacks: tuple[Attack, ...], slots: Small
) -> tuple[Tables, Dictionaries]:
    """Lay the accounts' columns out for the loop. Clients and IPs get dictionaries.

    slots: of the accounts, in the order of their ids.
    """
    clients = list(dict.fromkeys(folk.clients))
    number = {client: n for n, client in enumerate(clients)}
    client = np.array([number[c] for c in folk.clients], dtype=np.int32)
    frames = len(folk.frames.hashes)
    system = np.where(folk.system < 0, folk.system, folk.system + frames).astype(np.int32)
    parts = {"client": client, "limit": folk.limits, "kind": folk.kind, "frame": folk.frame,
             "system": system}  # fmt: skip
    queue, queues = _queues(folk, attacks)
    ints = np.column_stack([folk.ints, queue])
    begin = 0
    for name, part in parts.items():
        ints[:, INTS.index(f"{name}_first")] += begin
        begin += len(part)
    ips, ip = np.unique(folk.ips, return_inverse=True)
    looked_up = Tables(
        ints, folk.reals, np.column_stack([ip, folk.asns, folk.places]).astype(np.int64),
        np.concatenate(list(parts.values())),
        np.array([kind_of(k) for k in folk.kinds], dtype=np.int64),
        np.concatenate([_texts(folk.frames), _texts(folk.systems)]), _shapes(), _words(),
        normals(NORMALS), _release_times(releases), queues, slots,
    )  # fmt: skip
    return looked_up, _dictionaries(folk, ips, clients, releases)


def _texts(texts: Texts) -> Ints:
    sure = np.rint(texts.sure * MILLE).astype(np.int64)
    return np.column_stack([
        texts.hashes, texts.masked, texts.phrases, texts.before, texts.after, texts.chars,
        texts.aim, sure,
    ])  # fmt: skip


def _shapes() -> Floats:
    rows = [(s.common, s.many, s.exact, s.chars, *np.cumsum(s.aims)) for s in SHAPES.values()]
    return np.array(rows, dtype=np.float64)


def normals(count: int) -> NDArray[np.float32]:
    """Quantiles of the standard normal distribution, the middles of `count` equal parts."""
    from scipy.special import ndtri

    middles = (np.arange(count) + 0.5) / count
    quantiles: NDArray[np.float32] = ndtri(middles).astype(np.float32)
    return quantiles


def _words() -> Small:
    """Words of a body at each quantile, per shape: lognormal, one word at least."""
    noise = normals(QUANTILES).astype(np.float64)
    rows = [s.words * np.exp(s.sigma * noise) for s in SHAPES.values()]
    return np.maximum(1, np.rint(rows)).astype(np.int32)


def _release_times(releases: Releases) -> Floats:
    longest = max(len(times) for times in releases.at)
    table = np.full((len(releases.at), longest), np.inf)
    for tier, times in enumerate(releases.at):
        table[tier, : len(times)] = times
    return table


def _queues(folk: Folk, attacks: tuple[Attack, ...]) -> tuple[Small, Ints]:
    """Number of each account's queue, counted from 1, and the queues."""
    names = [a.name for a in attacks]
    queue = np.array([0 if n is None else names.index(n) + 1 for n in folk.campaign], np.int32)
    rows = [(hash64(f"queue of {a.name}"), round(a.rubric * MILLE)) for a in attacks]
    return queue, np.array(rows or [(0, 0)], dtype=np.int64)


def _dictionaries(
    folk: Folk, ips: NDArray[np.uint32], clients: list[tuple[str, str]], releases: Releases
) -> Dictionaries:
    agents = list(dict.fromkeys(agent for agent, _ in clients))
    ja4s = list(dict.fromkeys(ja4 for _, ja4 in clients))
    names = [n for tier in releases.names for n in tier]
    longest = max(len(tier) for tier in releases.names)
    models = np.zeros((len(releases.names), longest), dtype=np.int32)
    for tier, own in enumerate(releases.names):
        models[tier, : len(own)] = [names.index(n) for n in own]
    return Dictionaries(
        ips, pa.array(agents), np.array([agents.index(a) for a, _ in clients], dtype=np.int32),
        pa.array(ja4s), np.array([ja4s.index(j) for _, j in clients], dtype=np.int32),
        pa.array(folk.organizations, pa.string()), pa.array(names), models,
        int(folk.ints[:, INTS.index("key_size")].sum()),
    )  # fmt: skip


def account_numbers(count: int, seed: int) -> Ints:
    """What ids of accounts are made of: a bijection of the slots, so that they are unique."""
    return mix64(np.arange(count, dtype=np.int64), seed + 11)


def by_id(numbers: Ints) -> Small:
    """Slots in the order of the ids made of these numbers: they are written as unsigned ones."""
    return np.argsort(numbers.view(np.uint64)).astype(np.int32)


CHANNEL_NAMES: Final = pa.array(CHANNELS)
COUNTRY_NAMES: Final = pa.array(COUNTRIES)
CAPABILITY_NAMES: Final = pa.array(CAPABILITIES)
