"""Shared evidence as rows of one narrow table, one file per family.

    token_days(account, family, kind, value, day, exchanges)

`value` is a 60-bit hash, `day` the UTC day on which the account showed it. Rows merge over days by
adding `exchanges`, and whoever looks at the log as of a day just leaves the later rows out.
"""

from iolaus.signals.tokens.collect import token_days

__all__ = ["token_days"]
