"""Runs named SQL steps out of core: DuckDB is the reference engine."""

from iolaus.engine.duck import DuckEngine
from iolaus.engine.stages import Stages, Table

__all__ = ["DuckEngine", "Stages", "Table"]
