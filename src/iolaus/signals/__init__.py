"""Exchanges to text features, profiles and tokens.

`features` reads batches of exchanges; everything else is a named SQL step on its result.
"""

from iolaus.signals.accounts import accounts
from iolaus.signals.content import (
    ContentVectors,
    content_days,
    content_missing,
    content_vectors,
    embedded_content,
)
from iolaus.signals.day import Day
from iolaus.signals.days import Made, daily
from iolaus.signals.features import DayFiles, features
from iolaus.signals.parts import Earlier, Keys
from iolaus.signals.text import warm_up
from iolaus.signals.tokens import token_days
from iolaus.signals.tokens.merge import held_out_tokens, tokens, whole_and_even_tokens

__all__ = [
    "ContentVectors",
    "Day",
    "DayFiles",
    "Earlier",
    "Keys",
    "Made",
    "accounts",
    "content_days",
    "content_missing",
    "content_vectors",
    "daily",
    "embedded_content",
    "features",
    "held_out_tokens",
    "token_days",
    "tokens",
    "warm_up",
    "whole_and_even_tokens",
]
