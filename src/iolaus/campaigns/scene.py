"""What every test on a group gets: the group, its surroundings, and the form of its answer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from threading import RLock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Behaviour
from iolaus.campaigns.content import Content
from iolaus.campaigns.links import Forecast, Links
from iolaus.campaigns.nulls import CoherentGroups, Strata
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.statistics import evidence_bits
from iolaus.engine import Engine

Ints = NDArray[np.int64]
T = TypeVar("T")

LARGEST_GROUP = 256  # accounts; beyond it a mean's own noise is below every least scale
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """The log as of an instant: everything that a test may compare a group with."""

    engine: Engine
    until: date
    seen: Behaviour
    tokens: TokenMatrix
    content: Content
    links: Links
    even_links: Links  # made from the even days' tokens alone
    odd_tokens: TokenMatrix  # addresses and moments of the odd days
    plan: Forecast
    strata: Strata
    groups: CoherentGroups
    known: Ints  # the known campaign that each account is a member of, numbered; -1: of none
    seed: int
    _of_log: "_Once" = field(default_factory=lambda: _Once(), repr=False)
    _of_groups: "_Once" = field(default_factory=lambda: _Once(), repr=False)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What every group is compared with is made once: `make()` on the first call of a name."""
        return self._of_log.get(name, make)

    def once_of_groups(self, name: str, make: Callable[[], T]) -> T:
        """As `once`, for what the coherent groups have a part in."""
        return self._of_groups.get(name, make)

    def groups_for(self, members: Ints) -> tuple[int, CoherentGroups]:
        """Coherent groups of about the members' number or fewer, and that number: a power of two,
        so that groups of similar size share what is made once."""
        size = min(LARGEST_GROUP, 1 << max(0, int(members.size).bit_length() - 1))
        name = f"groups of {size}"
        return size, self.once_of_groups(name, lambda: self.groups.thinned(size, self.seed))

    def group_means(self, name: str, values: Floats, members: Ints) -> Floats:
        """Means of a per-account value in the groups apart from the members. `name` names the
        value: its means are made once for all groups of a size."""
        size, groups = self.groups_for(members)
        means = self.once_of_groups(f"means of {name} by {size}", lambda: groups.means(values))
        apart = means[self.groups.apart_from(members)]
        return np.asarray(apart[np.isfinite(apart)])

    def with_groups(self, groups: CoherentGroups) -> "Scene":
        """The same log with other groups to compare with."""
        return replace(self, groups=groups, _of_groups=_Once())

    def rng(self, salt: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, salt])


class _Once:
    """What was made, by name. Several threads may ask; one makes."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._lock = RLock()  # what is made may ask for something else

    def get(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._made:
            with self._lock:
                if name not in self._made:
                    self._made[name] = make()
        made: T = self._made[name]
        return made


def pairs_within(members: Ints, a: Ints, b: Ints) -> tuple[Ints, Ints, Ints]:
    """Which of the pairs (a to b, in order of a) have both ends among the members (sorted): their
    places, and the places of both ends along `members`. Costs the members' pairs alone."""
    first = np.searchsorted(a, members, side="left")
    count = np.searchsorted(a, members, side="right") - first
    one = np.repeat(np.arange(members.size), count)
    place = np.arange(one.size) + np.repeat(first - np.cumsum(count) + count, count)
    other = np.minimum(np.searchsorted(members, b[place]), members.size - 1)
    inside = members[other] == b[place]
    return place[inside], one[inside], other[inside]


@dataclass(frozen=True)
class Suspect:
    """A group to be tested. `proposed_by`: "links", or the family whose one token its members
    share ("wording"), which then is no evidence for them."""

    members: Ints
    proposed_by: str


@dataclass(frozen=True)
class Finding:
    """One test's answer. NaN in `p`: it could not be measured, and `detail` says why."""

    detector: str
    element: str
    statistic: str
    value: float
    null: str
    p: float
    detail: str = ""
    draws: Floats = field(default_factory=lambda: np.empty(0))
    decides: bool = True  # whether `p` counts towards the element

    @property
    def bits(self) -> float:
        return evidence_bits(self.p)

    @property
    def measured(self) -> bool:
        return bool(np.isfinite(self.p))
