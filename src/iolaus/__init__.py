"""Iolaus finds distillation campaigns in the request logs of a model API."""

__version__ = "0.1.0"
