"""How fast files compile and addresses are looked up. `python -m benchmarks.enrichment --help`."""
