"""firms: who is openly of one firm is no part of a campaign that is not the firm's.

A firm's accounts share what they share because they are colleagues: the firm's card pays in several
countries, one desk signs them all up. Beside others who only collect, they would lend a group the
deception that it lacks. So a campaign that holds a good part of a firm is judged without it, and
the firm for itself.
"""

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Strings
from iolaus.campaigns.candidates import Candidate
from iolaus.campaigns.customers import SEVERAL, open_names
from iolaus.campaigns.judge import Judged
from iolaus.campaigns.scene import Scene
from iolaus.campaigns.settle import part_of

FIRM_SHARE = 0.1  # of a campaign's members, and at least SEVERAL: more than some strays


def without_firms(judged: list[Judged], scene: Scene) -> list[Candidate] | None:
    """The candidates after campaigns and the open firms in them were parted; None where nothing
    changed."""
    names = scene.once("open names", lambda: open_names(scene.seen.claims))
    result: list[Candidate] = []
    for one in judged:
        parts = [one.candidate]
        if one.verdict == "distillation":
            firm = _firm_of(names[one.candidate.members])
            chosen = [firm == name for name in range(int(firm.max(initial=-1)) + 1)]
            if chosen:
                parts = [part_of(one.candidate, part) for part in [firm < 0, *chosen]]
        result += (part for part in parts if part.members.size)
    if len(result) == len(judged):
        return None
    return sorted(result, key=lambda c: (-c.members.size, int(c.members[0])))


def _firm_of(names: Strings) -> NDArray[np.int64]:
    """Which firm each member is of, by number; -1 for none that is large enough to be parted."""
    known = np.asarray([str(name) if name is not None else "" for name in names])
    which, number, count = np.unique(known, return_inverse=True, return_counts=True)
    large = (which != "") & (count >= max(SEVERAL, FIRM_SHARE * names.size))
    place = np.where(large, np.cumsum(large) - 1, -1)
    return np.asarray(place[number], dtype=np.int64)
