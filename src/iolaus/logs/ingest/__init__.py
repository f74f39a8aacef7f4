"""From any log that iolaus reads into a store: by day, features in place of text, nothing twice."""

from iolaus.logs.ingest.compacting import Compacted, compact
from iolaus.logs.ingest.lock import changing, reading, writing
from iolaus.logs.ingest.run import Ingest
from iolaus.logs.ingest.state import State
from iolaus.logs.ingest.switch import note_of
from iolaus.logs.ingest.write import Protection

__all__ = [
    "Compacted",
    "Ingest",
    "Protection",
    "State",
    "changing",
    "compact",
    "note_of",
    "reading",
    "writing",
]
