"""What the benchmarks share: code as of a commit, worlds, measurement, frozen results, pages."""
