"""How fast each format is read, and what is still found without the columns that it lacks.

`python -m benchmarks.readers --help`.
"""
