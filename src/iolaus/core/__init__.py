"""Contracts that every room speaks: tables, errors, statistics, hashing. Imports no other room."""
