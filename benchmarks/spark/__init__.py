"""Spark against DuckDB: the same scan of the same log, on the same machine, in one run."""
