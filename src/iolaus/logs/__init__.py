"""Any log format to exchanges and accounts; rejects are counted by cause and kept."""

from iolaus.logs.log import Log, LogFile, open_log
from iolaus.logs.rejects import Cause, Rejects

__all__ = ["Cause", "Log", "LogFile", "Rejects", "open_log"]
