"""Is the traffic shaped to collect training data, and narrow in its aim?

`harvest shape` is the mean of several shapes and of the aim, each a rank among all accounts (0 to
1), so that no single habit (a product that never keeps a conversation, say) makes a harvest. It
decides. `capability aim` alone does not: an agent framework's users are after agentic reasoning
too; its p-value says how unusual the aim is and stands beside the other evidence.
Null of both: coherent groups.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from iolaus.campaigns.behaviour import Behaviour, ratio
from iolaus.campaigns.nulls import compare_mean
from iolaus.campaigns.scene import Finding, Scene, Suspect
from iolaus.core.tables import CAPABILITIES

LEAST_SCALE = 0.03  # of a rank or share
NULL = "groups with one token in common, outside this one"
Floats = NDArray[np.float64]


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    ranks, shape, aims = scene.once("harvest", lambda: _statistics(scene))
    mine = {name: r[suspect.members] for name, r in ranks.items()}
    parts = ", ".join(
        f"{name} {np.nanmean(r):.2f}" for name, r in mine.items() if np.isfinite(r).any()
    )
    return [
        _finding("harvest shape", "mean rank of the shapes that collecting gives",
                 shape, suspect, scene, f"ranks: {parts}", decides=True),
        _finding("capability aim", "share of requests after harvested capabilities",
                 aims, suspect, scene, "", decides=False),
    ]  # fmt: skip


def _statistics(scene: Scene) -> tuple[dict[str, Floats], Floats, Floats]:
    """Ranks by shape, their mean, and the aim; all per account."""
    shapes = harvest_shapes(scene.seen, _one_wording(scene))
    ranks = {name: _ranks(values) for name, values in shapes.items()}
    return ranks, _mean(list(ranks.values()), scene.seen.accounts), aim(scene.seen)


def _finding(
    name: str,
    statistic: str,
    values: Floats,
    suspect: Suspect,
    scene: Scene,
    detail: str,
    *,
    decides: bool,
) -> Finding:
    null = scene.group_means(name, values, suspect.members)
    mean, tail = compare_mean(values, suspect.members, null, least_scale=LEAST_SCALE, robust=True)
    if not np.isfinite(tail.p):
        why = "the log does not have what it needs"
        return Finding(name, "harvest", statistic, np.nan, NULL, np.nan, why, decides=decides)
    detail = f"z = {tail.z:.1f}; {detail}" if detail else f"z = {tail.z:.1f}"
    return Finding(name, "harvest", statistic, mean, NULL, tail.p, detail, null, decides=decides)


def harvest_shapes(seen: Behaviour, one_wording: Floats) -> dict[str, Floats]:
    """Per account, larger where traffic looks more like collecting. NaN: not measured."""
    tokens_known = seen.counts["tokens_known"] > 0
    per_request = ratio(seen.counts["output_tokens"], seen.counts["tokens_known"])
    to_input = ratio(seen.counts["output_tokens"], np.maximum(seen.counts["input_tokens"], 1))
    hours = seen.hours / np.maximum(seen.hours.sum(axis=1, keepdims=True), 1)
    spread = -(hours * np.log2(np.maximum(hours, 1e-12))).sum(axis=1)
    many = seen.exchanges >= 50  # below it the spread over hours is bounded by the count
    turns = np.maximum(seen.counts["in_conversation"] - seen.counts["conversations"], 0)
    kept = bool(seen.counts["in_conversation"].any())  # whether the log knows conversations
    return {
        "long answers": np.where(tokens_known, per_request, np.nan),
        "output per input": np.where(tokens_known, to_input, np.nan),
        "reasoning": ratio(seen.counts["reasoning_tokens"], seen.counts["reasoning_known"]),
        "single turns": np.where(kept, 1 - ratio(turns, seen.exchanges), np.nan),
        "no cache reuse": 1 - seen.share("cache_used", "cache_known"),
        "several choices": seen.share("many_choices", "choices_known"),
        "no prompt twice a day": seen.share("distinct_prompts", "has_prompt"),
        "one wording": one_wording,
        "around the clock": np.where(many, spread, np.nan),
        "aim": aim(seen),
    }  # fmt: skip


def _one_wording(scene: Scene) -> Floats:
    """Largest share of the account's requests with one skeleton; NaN without text."""
    wording = scene.tokens.columns(scene.tokens.of_kind("skeleton"))
    if wording.held.shape[1] == 0:
        return np.full(scene.seen.accounts, np.nan)
    largest = wording.exchanges.max(axis=1).toarray().ravel()
    return ratio(largest, scene.seen.counts["has_prompt"])


def aim(seen: Behaviour) -> Floats:
    """Share of an account's labelled requests that are after any capability but ordinary chat."""
    labelled = seen.capabilities.sum(axis=1)
    return 1 - ratio(seen.capabilities[:, CAPABILITIES.index("ordinary")], labelled)


def _ranks(values: Floats) -> Floats:
    """Rank among all accounts, 0 to 1; NaN stays."""
    known = np.isfinite(values)
    ranks = np.full(values.shape, np.nan)
    if known.any():
        ranks[known] = (stats.rankdata(values[known]) - 0.5) / known.sum()
    return ranks


def _mean(ranks: list[Floats], accounts: int) -> Floats:
    if not ranks:
        return np.full(accounts, np.nan)
    stacked = np.vstack(ranks)
    known = np.isfinite(stacked)
    return ratio(np.where(known, stacked, 0).sum(axis=0), known.sum(axis=0).astype(float))
