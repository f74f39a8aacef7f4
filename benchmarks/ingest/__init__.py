"""How fast a log becomes a store, and in how much memory. `python -m benchmarks.ingest --help`."""
