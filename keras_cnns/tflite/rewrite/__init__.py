"""Rewrites a graph for inference: folding, padding, ends, and the forms that a runtime wants."""
