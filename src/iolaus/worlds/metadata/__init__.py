"""Worlds without text, for scale: hundreds of millions of exchanges with feature columns."""

from iolaus.worlds.metadata.world import simulate_metadata

__all__ = ["simulate_metadata"]
