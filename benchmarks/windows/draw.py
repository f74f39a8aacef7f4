"""Windows of prompts, as 0/1 rows over a list of prompts: sums over windows are one product."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .prompts import Ints

Floats = NDArray[np.float32]
Wide = NDArray[np.float64]

SIZES: Final = (100, 500, 1_500)  # queries
SHARES: Final = (0.05, 0.10, 0.25, 0.50, 1.00)  # of attackers; 0 is the benign window


def windows(
    benign: int, attack: int, size: int, share: float, count: int, rng: np.random.Generator
) -> Floats:
    """(count, benign + attack), 1 where a window holds the prompt; drawn without replacement.

    Columns: the benign prompts, then the attacker's. round(size * share) are the attacker's.
    """
    out = np.zeros((count, benign + attack), np.float32)
    bad = round(size * share)
    for row in out:
        row[rng.choice(benign, size - bad, replace=False)] = 1.0
        if bad:
            row[benign + rng.choice(attack, bad, replace=False)] = 1.0
    return out


def p_values(scores: Wide, null: Wide) -> Wide:
    """Conformal: (1 + null scores that reach it) / (1 + null scores). Vovk and others 2005."""
    reach = null.size - np.searchsorted(np.sort(null), scores, side="left")
    return np.asarray((1.0 + reach) / (1.0 + null.size), np.float64)


def auroc(negative: Wide, positive: Wide) -> float:
    """Chance that an attack window scores above a benign one, ties counted half."""
    order = np.sort(negative)
    below = np.searchsorted(order, positive, side="left")
    upto = np.searchsorted(order, positive, side="right")
    return float((below + upto).mean() / (2 * negative.size))


def picks(total: int, size: int, rng: np.random.Generator) -> Ints:
    """`size` different numbers below `total`."""
    return rng.choice(total, size, replace=False)


def parted(
    family: Ints, source: NDArray[np.str_], count: int, share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(count, prompts): true in a random part that cuts no family and has `share` of each source.

    A tested window has no near-copy among the prompts that it is compared with, so a window that
    shows what is usual must have none either: it would lie closer to them than any new one can.
    And the sources stand in every part of the benchmark alike, so they must here.
    """
    names, first, where = np.unique(family, return_index=True, return_inverse=True)
    kind = source[first]
    out = np.empty((count, family.size), np.bool_)
    for row in out:
        place = rng.random(names.size)
        chosen = np.zeros(names.size, np.bool_)
        for one in np.unique(kind):
            mine = kind == one
            chosen[mine] = place[mine] < np.quantile(place[mine], share)
        row[:] = chosen[where]
    return out
