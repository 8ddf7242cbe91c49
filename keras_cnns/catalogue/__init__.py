"""What is recorded of the networks, and the tools that record it: counts.json, record.py, the README's table."""
