"""Published detectors behind one interface, for comparison: `python -m benchmarks.peers`."""

from typing import Any

from .fraudar import Fraudar
from .identifiers import Identifiers
from .log import NotApplicable
from .mmd import Mmd
from .peer import Group, Peer, Setting, scan, write
from .prada import Prada
from .seat import Seat
from .synchrotrap import SynchroTrap
from .volume import Volume

__all__ = ["PEERS", "Group", "NotApplicable", "Peer", "Setting", "scan", "write"]

_ALL = (Identifiers(), SynchroTrap(), Fraudar(), Volume(), Prada(), Seat(), Mmd())
PEERS: dict[str, Peer[Any]] = {peer.name: peer for peer in _ALL}
