"""Columns that the loop over rows writes: numbers and codes, all as 64-bit integers.

Also what follows from the account or the address alone: the loop has their records at hand, and to
look them up again, a column at a time, would wait for memory once more per row and column.
"""

(TS, ACCOUNT, ORGANIZATION, KEY, CHANNEL, CONVERSATION, TIER, RELEASE, STATUS, IP, ASN, PLACE,
 CLIENT, INPUT, CACHED, OUTPUT, REASONING, LIMIT, DEGREES, CHOICES, STREAM, TOOLS, PROMPT, CHARS,
 WORDS, SKELETON, SYSTEM, SYSTEM_HASH, SYSTEM_MASKED, CAPABILITY,
 CAPABILITY_BITS) = range(31)  # fmt: skip
COLUMNS = 31
HUNDREDTHS = 100  # of a degree of temperature; -1: none is sent
