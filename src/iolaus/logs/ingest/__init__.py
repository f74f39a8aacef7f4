"""From any log that iolaus reads into a store: by day, features in place of text, nothing twice."""

from iolaus.logs.ingest.lock import writing
from iolaus.logs.ingest.run import Ingest
from iolaus.logs.ingest.state import State
from iolaus.logs.ingest.write import Protection

__all__ = ["Ingest", "Protection", "State", "writing"]
