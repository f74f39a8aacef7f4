"""Tokens to links, clusters, tests and verdicts."""

from iolaus.campaigns.investigate import Investigation, Looked, investigate
from iolaus.campaigns.pictures import nulls, ties, timeline, unmeasured
from iolaus.campaigns.results import Results, results

__all__ = [
    "Investigation",
    "Looked",
    "Results",
    "investigate",
    "nulls",
    "results",
    "ties",
    "timeline",
    "unmeasured",
]
