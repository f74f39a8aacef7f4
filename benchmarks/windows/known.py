"""Ours with earlier campaigns' texts: each prompt's odds of being theirs, summed over a window.

A logistic regression on the whitened columns tells reference prompts from known attackers'. A
window's score is the mean of log(1 - s + s r): r the likelihood ratio of a prompt, s the share of
attackers that the score is made for. Calibrated as `shift` is, on benign windows.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from .draw import Floats, Wide, p_values, windows
from .prompts import Ints
from .shift import DRAWS

SHARE: Final = 0.10  # of attackers, for which the score is made
PENALTY: Final = 0.01  # per squared coefficient, against a mean loss per prompt
STEPS: Final = 60  # of L-BFGS


class Known:
    """Fitted to a benign reference and to texts of campaigns that were found earlier.

    columns: (prompts, width), whitened. campaigns: positions of the known texts.
    """

    def __init__(
        self,
        columns: Floats,
        reference: Ints,
        calibration: Ints,
        campaigns: Ints,
        halves: NDArray[np.bool_],
        sizes: tuple[int, ...],
        rng: np.random.Generator,
    ) -> None:
        weights = logistic(columns[reference], columns[campaigns])
        odds = columns @ weights[:-1].astype(np.float32) + weights[-1]
        self._bits: Wide = np.log1p(SHARE * np.expm1(np.clip(odds, -20.0, 20.0))).astype(np.float64)
        own = self._bits[calibration]
        known = self._bits[reference].sum()
        self._rest = (known + ~halves @ own) / (reference.size + (~halves).sum(1))
        self._null: dict[int, Wide] = {}
        for size in sizes:
            means = [
                windows(int(half.sum()), 0, size, 0.0, DRAWS // len(halves), rng) @ own[half] / size
                for half in halves
            ]
            turn = np.repeat(np.arange(len(halves)), DRAWS // len(halves))
            null = np.concatenate(means) - self._rest[turn]
            self._null[size] = null.mean() + (null - null.mean()) * _widening(size, own.size)

    def prepare(self, rows: Ints) -> Wide:
        """Scores of some prompts."""
        return self._bits[rows]

    def score(self, seen: Wide, picked: Floats) -> tuple[Wide, Wide]:
        """(score, p) of each window. In: (windows, prompts) 0/1, all of one fitted size."""
        size = int(picked[0].sum())
        rest = self._rest[np.arange(len(picked)) % self._rest.size]
        scores: Wide = picked @ seen / size - rest
        return scores, p_values(scores, self._null[size])


def _widening(size: int, pool: int) -> float:
    """How much wider new windows' means lie than those of windows drawn from one pool.

    Variances, in units of one prompt's: a new window 1 / size about the truth, and the pool's own
    mean 1 / pool; a window without replacement 1 / size - 1 / pool about the pool's mean.
    At 1,500 of 4,000: sqrt((1/1500 + 1/4000) / (1/1500 - 1/4000)) = 1.48.
    A squared length over a thousand directions hardly moves with the pool's mean; one number does.
    """
    return float(np.sqrt((1 / size + 1 / pool) / (1 / size - 1 / pool)))


def logistic(benign: Floats, attack: Floats) -> Wide:
    """Coefficients, the intercept last; both classes count half, so that odds are a ratio."""
    x = np.concatenate([benign, attack]).astype(np.float32)
    sign = np.concatenate([-np.ones(len(benign)), np.ones(len(attack))])
    share = np.concatenate(
        [np.full(len(benign), 0.5 / len(benign)), np.full(len(attack), 0.5 / len(attack))]
    )

    def loss(w: Wide) -> tuple[float, Wide]:
        margin = sign * (x @ w[:-1].astype(np.float32) + w[-1])
        value = share @ np.logaddexp(0.0, -margin) + 0.5 * PENALTY * w[:-1] @ w[:-1]
        pull = -share * sign * expit(-margin)
        slope = np.concatenate([pull.astype(np.float32) @ x + PENALTY * w[:-1], [pull.sum()]])
        return float(value), slope.astype(np.float64)

    start = np.zeros(x.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    result: Wide = found.x
    return result
