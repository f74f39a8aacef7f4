"""Shared-identifier components: accounts that share a card, device, sign-up address or mailbox.

What fraud teams run first (link analysis, an entity graph); common practice, no single paper:
connected components over exact matches of identifiers, where an identifier that more than `hub`
accounts hold (a campus address, a gift-card issuer) joins nobody. Adapted: pairs inside one
declared organisation may be passed over (`declared`: false), as a provider would, and components of
at least `least` accounts are the answer. The score of one is its size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Final

import numpy as np

from .graph import Holdings, Ints, codes, components, names_of, organisations, strangers
from .log import Log
from .peer import Group, Peer, Setting, ordered

KINDS: Final = ("payment_fingerprint", "device_fingerprint", "email_hash", "signup_ip")
USED: Final = {
    "card": KINDS[:1],
    "device": KINDS[1:2],
    "card+device": KINDS[:2],
    "card+device+ip": (*KINDS[:2], "signup_ip"),
    "all": KINDS,
}


@dataclass(frozen=True)
class Identified:
    """The accounts table, coded: names, organisation (-1: none) and holdings by kind."""

    names: list[str]
    organisation: Ints
    holdings: dict[str, Holdings]


class Identifiers(Peer[Identified]):
    name = "identifiers"
    source = "connected components of shared identifiers, common practice"
    needs = tuple(f"accounts.{kind}" for kind in KINDS)
    needs_all = False
    unit = "group"
    settings: ClassVar[tuple[Setting, ...]] = tuple(
        {"kinds": kinds, "hub": hub, "least": least, "declared": declared}
        for kinds, hub, least, declared in product(
            USED, (4, 8, 16, 32, 64), (3, 6, 12, 24), (False, True)
        )
    )

    def prepare(self, log: Log, settings: Sequence[Setting]) -> Identified:
        table = log.read("accounts", *KINDS)
        account, names = codes(table["account_id"])
        organisation = organisations(log, names)
        holdings = {kind: Holdings.of(account, codes(table[kind])[0]) for kind in KINDS}
        return Identified(names, organisation, holdings)

    def decide(self, evidence: Identified, setting: Setting) -> list[Group]:
        """Edges run from each identifier's first holder to the others: components need no more."""
        ends = [
            _edges(evidence.holdings[kind].held_by(2, int(setting["hub"])))
            for kind in USED[str(setting["kinds"])]
        ]
        a, b = (np.concatenate(side) for side in zip(*ends, strict=True))
        if not setting["declared"]:
            a, b = strangers(a, b, evidence.organisation)
        found = components(a, b, len(evidence.names), int(setting["least"]))
        return ordered([Group(names_of(evidence.names, part), len(part)) for part in found])


def _edges(holdings: Holdings) -> tuple[Ints, Ints]:
    """A star over the holders of each object."""
    order = np.argsort(holdings.objects, kind="stable")
    accounts, objects = holdings.accounts[order], holdings.objects[order]
    first = np.searchsorted(objects, objects)
    return accounts[first], accounts
