"""Published detectors behind one interface, for comparison: `python -m benchmarks.peers`."""

from typing import Any

from .fraudar import Fraudar
from .identifiers import Identifiers
from .log import NotApplicable
from .peer import Group, Peer, Setting, scan, write
from .volume import Volume

__all__ = ["PEERS", "Group", "NotApplicable", "Peer", "Setting", "scan", "write"]

PEERS: dict[str, Peer[Any]] = {peer.name: peer for peer in (Identifiers(), Volume(), Fraudar())}
