"""Tokens to links, clusters, tests and verdicts."""
