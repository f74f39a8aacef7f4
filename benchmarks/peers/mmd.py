"""MMD: an account's window of prompts is distributed unlike benign traffic.

Liu, Guo and Dong, "An embarrassingly simple detector for model extraction attacks in large
language model API traffic", arXiv 2606.05725 (2026). From the paper: unbiased squared maximum mean
discrepancy between a window and benign windows, the mean of four RBF kernels at {0.5, 1, 2, 4}
times the median distance of benign prompts; a window is suspicious above a percentile of
benign-benign comparisons.

Adapted:
- A window is an account's prompts (the paper's user-level setting), since a window of mixed traffic
  names nobody: 100 evenly spread ones, or fewer where it has fewer, but at least `least`.
- The log does not say what is benign. The reference is one prompt of each account, of `all`
  accounts or of `old` ones, made 30 days before the log begins or earlier; at most 400 prompts. The
  paper averages 20 references of the window's size; the whole reference has the same expectation
  and less noise.
- `null`: "pool" is the paper's, windows of mixed benign prompts of the same size; "accounts" takes
  single reference accounts as the benign windows, which the paper's own multi-user aim asks for:
  one person's prompts never look like a mixture of everybody's.
- Prompts are TF-IDF vectors (sample.py), where the paper has bge-small embeddings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .log import Log
from .peer import Group, Peer, Setting, flagged
from .sample import Sample, Space, cosines

Floats = NDArray[np.float64]
PROMPTS = 100  # of an account's window; 1,500 in the paper, which few accounts ever send
REFERENCE = 400  # prompts: 10^5 prompts x 400 kernels is 4 x 10^7
OLD_DAYS = 30
WIDTHS: Final = (0.5, 1.0, 2.0, 4.0)  # times the median distance
SIZES: Final = (4, 7, 12, 20, 35, 60, 100)  # of null windows; thresholds between by interpolation
NULL_WINDOWS = 300  # per size
QUANTILES: Final = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
SEED = 20_260_605


@dataclass(frozen=True)
class Discrepancy:
    """Squared MMD and window size per account, against one reference, with its two nulls."""

    names: list[str]
    mmd2: Floats  # NaN under SIZES[0] prompts
    size: Floats
    trusted: NDArray[np.bool_]  # accounts of the reference
    pool: Floats  # quantiles of null windows: SIZES x QUANTILES


class Mmd(Peer[dict[str, Discrepancy]]):
    name = "mmd"
    source = "Liu, Guo and Dong 2026, arXiv 2606.05725"
    needs = ("exchanges.prompt",)
    unit = "account"
    settings: ClassVar[tuple[Setting, ...]] = tuple(
        {"reference": reference, "null": null, "quantile": quantile, "least": least}
        for reference, null, quantile, least in product(
            ("all", "old"), ("pool", "accounts"), QUANTILES, (4, 12, 35, 100)
        )
    )

    def prepare(self, log: Log, settings: Sequence[Setting]) -> dict[str, Discrepancy]:
        sample = Sample.of(log, PROMPTS)
        space, trusted = Space(sample.prompts), old_accounts(log, sample.names)
        everyone = np.ones(len(sample.names), bool)
        usable = trusted if trusted.sum() >= REFERENCE // 4 else everyone
        wanted = {str(s["reference"]) for s in settings}
        who = {name: usable if name == "old" else everyone for name in sorted(wanted)}
        kernels = {name: Kernel.of(sample, space, mask) for name, mask in who.items()}
        found = {name: np.full(len(sample.names), np.nan) for name in who}
        for at, rows in sample.vectors(space, SIZES[0]):
            for name, kernel in kernels.items():
                found[name][at] = kernel.mmd2(rows)
        size = np.diff(sample.starts).astype(np.float64)
        return {
            name: Discrepancy(sample.names, found[name], size, who[name], kernels[name].null())
            for name in who
        }

    def decide(self, evidence: dict[str, Discrepancy], setting: Setting) -> list[Group]:
        """Called above the threshold; the score is the excess over it."""
        found = evidence[str(setting["reference"])]
        measured = ~np.isnan(found.mmd2) & (found.size >= float(setting["least"]))
        if setting["null"] == "pool":
            column = found.pool[:, QUANTILES.index(float(setting["quantile"]))]
            threshold = np.interp(np.log(np.maximum(found.size, 1)), np.log(SIZES), column)
        else:
            benign = found.mmd2[measured & found.trusted]
            level = np.quantile(benign, float(setting["quantile"])) if len(benign) else np.inf
            threshold = np.full(len(found.mmd2), level)
        excess = np.where(measured, found.mmd2 - threshold, -1.0)
        return flagged(found.names, excess.tolist(), np.nextafter(0.0, 1.0))


@dataclass(frozen=True)
class Kernel:
    """The benign reference and the kernel fitted to it."""

    rows: csr_matrix  # transposed: BUCKETS x prompts
    widths: Floats  # of the four kernels
    inside: Floats  # kernel values among the reference's prompts

    @staticmethod
    def of(sample: Sample, space: Space, who: NDArray[np.bool_]) -> "Kernel":
        rng = np.random.default_rng(SEED)
        have = np.flatnonzero(who & (np.diff(sample.starts) > 0))
        chosen = np.sort(rng.permutation(have)[:REFERENCE])
        at = [int(rng.integers(sample.starts[a], sample.starts[a + 1])) for a in chosen]
        rows = space.vectors(sample.prompts.take(pa.array(at, pa.int64())))
        cosine = cosines(rows)
        apart = np.sqrt(np.maximum(0.0, 2 - 2 * cosine[np.triu_indices(len(cosine), 1)]))
        median = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
        widths = np.array(WIDTHS) * median
        return Kernel(rows.T.tocsr(), widths, similarity(cosine, widths))

    def mmd2(self, rows: csr_matrix) -> float:
        """Unbiased squared MMD between a window's prompts and the reference."""
        window = similarity(cosines(rows), self.widths)
        across = similarity(np.asarray((rows @ self.rows).toarray(), np.float64), self.widths)
        return mmd2(window, across, self.inside)

    def null(self) -> Floats:
        """Quantiles of benign-benign comparisons by window size: SIZES x QUANTILES.

        A window is drawn from the reference and compared with the rest of it.
        """
        rng = np.random.default_rng(SEED)
        out = np.full((len(SIZES), len(QUANTILES)), np.inf)
        for at, size in enumerate(SIZES):
            if len(self.inside) < 2 * size:
                continue  # too few benign prompts: nothing of this size is called
            draws = [
                split(self.inside, rng.permutation(len(self.inside))[:size])
                for _ in range(NULL_WINDOWS)
            ]
            out[at] = np.quantile(draws, QUANTILES)
        return out


def similarity(cosine: Floats, widths: Floats) -> Floats:
    """The mean of RBF kernels, from cosines of unit vectors: squared distance 2 - 2 cos.

    Each width is half the next, so each kernel is the next one to the power of 4: one exp in all.
    """
    kernel = np.exp(np.minimum(0.0, cosine - 1.0) / widths[-1] ** 2)  # -(2 - 2 cos) / 2 width^2
    out = kernel.copy()
    for _ in widths[1:]:
        kernel = kernel * kernel
        kernel *= kernel
        out += kernel
    mean: Floats = out / len(widths)
    return mean


def mmd2(one: Floats, across: Floats, other: Floats) -> float:
    """Unbiased squared MMD from kernel values inside one sample, across, and inside the other."""
    if min(len(one), len(other)) < 2:
        return float("nan")
    inside = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (one, other)]
    return float(sum(inside) - 2.0 * across.mean())


def split(inside: Floats, a: NDArray[np.int64]) -> float:
    """mmd2 between the members `a` of one sample and all its others, from sums alone."""
    many, rest = len(a), len(inside) - len(a)
    own = np.diag(inside)
    aa, of_a = inside[np.ix_(a, a)].sum(), inside[a].sum()
    ab, bb = of_a - aa, inside.sum() - 2.0 * of_a + aa
    one = (aa - own[a].sum()) / (many * (many - 1))
    other = (bb - (own.sum() - own[a].sum())) / (rest * (rest - 1))
    return float(one + other - 2.0 * ab / (many * rest))


def old_accounts(log: Log, names: list[str]) -> NDArray[np.bool_]:
    """Accounts made OLD_DAYS or more before the log's first exchange; none where not measured."""
    people = log.read("accounts", "created_at")
    first = pc.min(log.read("exchanges", "ts")["ts"].cast(pa.int64())).as_py()
    if first is None or not len(people):
        return np.zeros(len(names), bool)
    before = pc.less(people["created_at"].cast(pa.int64()), first - OLD_DAYS * 86_400_000_000)
    old = set(people.filter(pc.fill_null(before, False))["account_id"].to_pylist())
    return np.array([name in old for name in names], bool)
