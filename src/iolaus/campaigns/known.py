"""Known campaigns: what one look hands on to the next, or one scan to a later one."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.core.tables import TS

Ints = NDArray[np.int64]
Strings = NDArray[np.object_]

CAMPAIGNS: Final = pa.schema(
    [
        pa.field("campaign_id", pa.string()),
        pa.field("first_named", TS),  # end of the log in which it was first raised
        pa.field("prior", pa.float64()),  # members among all accounts when last raised, 0 to 1
        pa.field("aliases", pa.list_(pa.string())),  # ids of campaigns that turned out to be this
    ]
)
# An account is in one campaign at most.
MEMBERS: Final = pa.schema(
    [
        pa.field("campaign_id", pa.string()),
        pa.field("account_id", pa.string()),
        pa.field("by", pa.string()),  # FOUND, or the family by which it was recognised
    ]
)
# What many members show and hardly anybody else; `bits` says what it is worth.
MARKS: Final = pa.schema(
    [
        pa.field("campaign_id", pa.string()),
        pa.field("family", pa.string()),
        pa.field("kind", pa.string()),  # LACK: no mark of the family; bits are below 0
        pa.field("value", pa.int64()),  # hash; 0 for LACK
        pa.field("bits", pa.float64()),
        pa.field("last_day", pa.date32()),  # the last day on which a member showed it
    ]
)
SAME: Final = 0.5  # of a group (or the smaller of the two) are members: it is the known campaign
LEAST_COMMON: Final = 5  # members: fewer may have strayed into another group
FOUND: Final = "found"
LACK: Final = "lack"


@dataclass(frozen=True)
class Known:
    """Tables of CAMPAIGNS, MEMBERS and MARKS, sorted; oldest campaign first."""

    campaigns: pa.Table
    members: pa.Table
    marks: pa.Table

    @staticmethod
    def nothing() -> "Known":
        return Known(CAMPAIGNS.empty_table(), MEMBERS.empty_table(), MARKS.empty_table())

    def __len__(self) -> int:
        return int(self.campaigns.num_rows)

    def numbers(self, account_ids: Strings) -> Ints:
        """The campaign of each account, by its place in `campaigns`; -1: of none."""
        place = {name: i for i, name in enumerate(self.campaigns["campaign_id"].to_pylist())}
        columns = (self.members[name].to_pylist() for name in ("account_id", "campaign_id"))
        of = {account: place[name] for account, name in zip(*columns, strict=True)}
        return np.asarray([of.get(account, -1) for account in account_ids], dtype=np.int64)


def known(
    campaigns: list[dict[str, object]], members: list[dict[str, object]], marks: pa.Table
) -> Known:
    """The same content gives the same bytes."""
    return Known(
        pa.Table.from_pylist(
            sorted(campaigns, key=lambda c: (c["first_named"], c["campaign_id"])), CAMPAIGNS
        ),
        pa.Table.from_pylist(
            sorted(members, key=lambda m: (m["campaign_id"], m["account_id"])), MEMBERS
        ),
        marks.select(MARKS.names)
        .cast(MARKS)
        .sort_by([(name, "ascending") for name in ("campaign_id", "kind", "value", "family")]),
    )
