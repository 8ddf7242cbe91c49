"""A Keras model as nodes and calls. Only this package reads Keras's own graph."""
