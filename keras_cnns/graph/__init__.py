"""A Keras model as nodes and calls: the only reader of Keras's graph."""
