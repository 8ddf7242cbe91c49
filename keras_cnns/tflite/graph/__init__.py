"""A Keras model as a graph of plain nodes, and the rewriting that int8 and TFLite ask for."""
