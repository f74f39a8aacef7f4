"""Every detector behind one interface: asked about an attack, it gives a scorer of windows.

detector(None): windows over the benign test prompts. detector(attack): over those, then the
attacker's. A scorer takes (windows, prompts) 0/1 of one size and gives (score, p) of each.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .draw import SIZES, Floats, Wide, parted
from .known import Known
from .mmd import PART, PARTS, Mmd
from .prompts import ATTACKS, Ints, Parts, Prompts
from .shift import Shift, Whitened

Scorer = Callable[[Floats], tuple[Wide, Wide]]
Detector = Callable[[str | None], Scorer]


def _rows(parts: Parts, attack: str | None) -> Ints:
    return parts.test if attack is None else np.concatenate([parts.test, parts.attack[attack]])


def shifted(
    blocks: list[tuple[float, Floats]],
    parts: Parts,
    halves: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Detector:
    """Ours, of these blocks of columns. Has seen benign prompts only."""
    fitted = Shift(blocks, parts.reference, parts.calibration, halves, SIZES, rng)

    def detector(attack: str | None) -> Scorer:
        seen = fitted.prepare(_rows(parts, attack))
        return lambda picked: fitted.score(seen, picked)

    return detector


def knowing(
    vectors: Floats,
    shape: Floats,
    parts: Parts,
    halves: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    itself: bool,
) -> Detector:
    """Ours with earlier campaigns' texts: all but the one tested, or its earlier half as well.

    Benign windows are judged with all campaigns known.
    """
    white = [Whitened(columns, parts.reference)(columns) for columns in (vectors, shape)]
    columns = np.concatenate(white, axis=1) / np.float32(np.sqrt(vectors.shape[1]))

    def detector(attack: str | None) -> Scorer:
        names = [name for name in ATTACKS if itself or name != attack]
        texts = np.concatenate([parts.known[name] for name in names])
        fitted = Known(columns, parts.reference, parts.calibration, texts, halves, SIZES, rng)
        seen = fitted.prepare(_rows(parts, attack))
        return lambda picked: fitted.score(seen, picked)

    return detector


def peers(
    vectors: Floats, parts: Parts, prompts: Prompts, rng: np.random.Generator
) -> dict[str, Detector]:
    """MMD as in the paper, and with a null that is drawn as it is tested. One fit for both."""
    pool = np.concatenate([parts.reference, parts.calibration])
    fitted = Mmd(
        vectors,
        pool,
        parted(prompts.family[pool], prompts.source[pool], PARTS, PART, rng),
        SIZES,
        rng,
    )
    benign = fitted.prepare(parts.test)

    def at(level: str) -> Detector:
        def detector(attack: str | None) -> Scorer:
            seen = benign
            if attack is not None:
                seen = fitted.extend(benign, parts.test, parts.attack[attack])
            return lambda picked: fitted.score(seen, picked, level, rng)

        return detector

    return {"mmd": at("paper"), "mmd_exact": at("exact")}
