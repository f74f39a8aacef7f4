"""Simulated logs with known truth, and how a scan of one is scored."""
