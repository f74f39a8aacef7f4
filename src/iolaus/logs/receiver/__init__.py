"""A live OTLP receiver that writes a log directory (extra `iolaus[otlp]`)."""

from iolaus.logs.receiver.run import Address, Receiver

__all__ = ["Address", "Receiver"]
