"""What every test on a group gets: the group, its surroundings, and the form of its answer."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Behaviour
from iolaus.campaigns.links import Forecast, Links
from iolaus.campaigns.nulls import CoherentGroups
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.statistics import evidence_bits
from iolaus.engine import DuckEngine

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """The log as of an instant: everything that a test may compare a group with."""

    engine: DuckEngine
    until: date
    seen: Behaviour
    tokens: TokenMatrix
    links: Links
    plan: Forecast
    stratum: Ints
    groups: CoherentGroups
    seed: int

    def rng(self, salt: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, salt])


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
