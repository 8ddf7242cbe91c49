"""Commands for whoever adds a network: record its counts, write the README's tables."""
