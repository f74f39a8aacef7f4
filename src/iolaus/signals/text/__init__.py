"""Text features of requests in one pass over their bytes: hashes, skeleton, phrases, capability.

`text_features(prompt, system_prompt)` takes Arrow string arrays and gives one row per request
(core.tables.TEXT_FEATURES). Stateless and portable: same bytes, same values, on any machine.
"""

from .features import text_features, warm_up

__all__ = ["text_features", "warm_up"]
