"""Any log format to exchanges and accounts; rejects are counted by cause and kept."""

from iolaus.logs.log import Log, LogFile, exchange_files, open_log
from iolaus.logs.rejects import Cause, Rejects
from iolaus.logs.remote import located

__all__ = ["Cause", "Log", "LogFile", "Rejects", "exchange_files", "located", "open_log"]
