"""Model files: `.keras` files read, and the card with names and origin that travels inside a model file."""
