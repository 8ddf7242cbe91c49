"""Graph to graph: folding, padding, ends, the forms that a runtime wants."""
