"""Exchanges to text features, profiles and tokens.

`features` reads batches of exchanges; everything else is a named SQL step on its result.
"""

from iolaus.signals.accounts import accounts
from iolaus.signals.content import (
    ContentVectors,
    content_days,
    content_vectors,
    embedded_content,
)
from iolaus.signals.features import features
from iolaus.signals.moments import address_days, beats, model_uses, shared_prompts
from iolaus.signals.profiles import profiles
from iolaus.signals.text import warm_up
from iolaus.signals.tokens import token_days
from iolaus.signals.tokens.merge import held_out_tokens, tokens

__all__ = [
    "ContentVectors",
    "accounts",
    "address_days",
    "beats",
    "content_days",
    "content_vectors",
    "embedded_content",
    "features",
    "held_out_tokens",
    "model_uses",
    "profiles",
    "shared_prompts",
    "token_days",
    "tokens",
    "warm_up",
]
