"""Is common control hidden, or access obtained under false pretences?

Each statistic is a mean over members of something that one account shows; the null is that mean in
coherent groups: what honest people who have something in common show as well.
"""

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Behaviour, numbered, ratio
from iolaus.campaigns.customers import open_names
from iolaus.campaigns.nulls import compare_mean
from iolaus.campaigns.scene import Finding, Scene, Suspect
from iolaus.campaigns.token_matrix import TokenMatrix

LEAST_SCALE = 0.03  # of a share
SPREAD = 0.5  # of one account's share, at most; the mean of n varies by SPREAD / sqrt(n)
HOUSEHOLD = 5  # accounts of one country on one card or device: a family
NULL = "groups with one token in common, outside this one"
Floats = NDArray[np.float64]


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    statistics = scene.once("deception", lambda: _statistics(scene))
    return [
        _finding(name, text, values, suspect, scene) for name, (text, values) in statistics.items()
    ]


def _statistics(scene: Scene) -> dict[str, tuple[str, Floats]]:
    """By detector: the statistic in words, and what each account shows of it."""
    seen, tokens = scene.seen, scene.tokens
    return {
        "shared cards": ("share of members whose card serves no one firm or household",
                         np.where(seen.cards, strangers_share(tokens, seen, "payment"), np.nan)),
        "shared devices": ("share of members whose device serves no one firm or household",
                           np.where(seen.devices, strangers_share(tokens, seen, "device"), np.nan)),
        "address churn": ("networks per active day, log2",
                          _churn(seen)),
        "mixed addresses": ("share of requests from addresses that claimants of several countries "
                            "use on the same day", seen.mixed_addresses),
    }  # fmt: skip


def _finding(name: str, statistic: str, values: Floats, suspect: Suspect, scene: Scene) -> Finding:
    null = scene.group_means(name, values, suspect.members)
    known = max(1, int(np.isfinite(values[suspect.members]).sum()))
    least = max(LEAST_SCALE, SPREAD / np.sqrt(known))
    mean, tail = compare_mean(values, suspect.members, null, least_scale=least, robust=True)
    if not np.isfinite(tail.p):
        why = "the log does not have what it needs"
        return Finding(name, "deception", statistic, np.nan, NULL, np.nan, why)
    return Finding(name, "deception", statistic, mean, NULL, tail.p, f"z = {tail.z:.1f}", null)


def _churn(seen: Behaviour) -> Floats:
    """log2(networks / days): 0 for one network a day; NaN where no address was seen."""
    networks = ratio(seen.counts["networks"], seen.days)
    return np.where(networks > 0, np.log2(np.maximum(networks, 0.25)), np.nan)


def strangers_share(tokens: TokenMatrix, seen: Behaviour, kind: str) -> Floats:
    """1 where the account's token of the kind is held by strangers: accounts of no common open
    firm, too many or in too many countries for one household; 0 elsewhere; NaN for all when
    the log has no such token at all."""
    chosen = tokens.columns(tokens.of_kind(kind))
    if chosen.held.shape[1] == 0:
        return np.full(seen.accounts, np.nan)
    held = chosen.held.tocoo()
    order = np.argsort(held.col, kind="stable")
    token, account = held.col[order], held.row[order]
    starts = np.searchsorted(token, np.arange(chosen.held.shape[1]))
    firm = numbered(open_names(seen.claims))
    firm = np.where(firm >= 0, firm, -1 - np.arange(firm.size))  # none: a stranger to all
    firms = _differ(firm[account], starts)
    abroad = _differ(numbered(seen.claims["billing_country"])[account], starts)
    strangers = firms & (abroad | (np.diff(np.append(starts, token.size)) > HOUSEHOLD))
    shared = np.zeros(seen.accounts)
    shared[account[strangers[token]]] = 1.0
    return shared


def _differ(code: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Per token, whether its holders' codes differ; holders of a token stand together."""
    lowest, highest = (f.reduceat(code, starts) for f in (np.minimum, np.maximum))
    return np.asarray(lowest != highest)
