"""Every kind of token, by name; and SQL that sorts by it.

A text in front of a sort key makes the whole sort two to three times as dear; a number that stands
for its place in the alphabet gives the same order.
"""

from typing import Final

KINDS: Final = (
    "after_ban", "burst", "client_software", "device", "email", "ip_day", "network_day", "payment",
    "phrase", "pivot", "signup_day", "signup_hour", "signup_ip", "skeleton", "system_prompt",
    "system_skeleton",
)  # fmt: skip
_places = " ".join(f"WHEN '{kind}' THEN {place}" for place, kind in enumerate(sorted(KINDS)))
BY_KIND: Final = f"CASE kind {_places} END"
