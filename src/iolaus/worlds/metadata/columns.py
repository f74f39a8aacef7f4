"""Columns that the loop over rows writes: numbers and codes, all as 64-bit integers.

What follows from the account alone (channel, tools, temperature...) or from the address is looked
up afterwards, a column at a time.
"""

(TS, ACCOUNT, KEY, CONVERSATION, TIER, RELEASE, STATUS, ADDRESS, CLIENT, INPUT, CACHED, OUTPUT,
 REASONING, LIMIT, STREAM, PROMPT, CHARS, WORDS, SKELETON, SYSTEM, CAPABILITY,
 CAPABILITY_BITS) = range(22)  # fmt: skip
COLUMNS = 22
