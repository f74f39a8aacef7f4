"""Runs named SQL steps on DuckDB, out of core."""
