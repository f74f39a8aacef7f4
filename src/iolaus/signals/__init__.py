"""Exchanges to text features, profiles and tokens."""
