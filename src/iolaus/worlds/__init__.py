"""Simulated logs with known truth, and how a scan of one is scored."""

from iolaus.worlds.score import Score, score
from iolaus.worlds.simulate import World, simulate

__all__ = ["Score", "World", "score", "simulate"]
