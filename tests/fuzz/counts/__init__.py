"""Counts over many hostile cases. Each file is a script: `python -m tests.fuzz.counts.NAME COUNT` prints a table."""
