"""Tokens to links, clusters, tests and verdicts."""

from iolaus.campaigns.content import Content
from iolaus.campaigns.investigate import STEPS, Investigation, Looked, investigate
from iolaus.campaigns.known import Known
from iolaus.campaigns.memory import Named, add_recognised, named, remember
from iolaus.campaigns.pictures import nulls, ties, timeline, unmeasured
from iolaus.campaigns.recall import recall, with_kept_ids, with_recognised
from iolaus.campaigns.recognise import recognise
from iolaus.campaigns.results import Results, results
from iolaus.campaigns.wordings import undivided

__all__ = [
    "STEPS",
    "Content",
    "Investigation",
    "Known",
    "Looked",
    "Named",
    "Results",
    "add_recognised",
    "investigate",
    "named",
    "nulls",
    "recall",
    "recognise",
    "remember",
    "results",
    "ties",
    "timeline",
    "undivided",
    "unmeasured",
    "with_kept_ids",
    "with_recognised",
]
