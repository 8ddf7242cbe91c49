"""Pruning and clustering of a Keras model while it trains: kernels with many zeros, or with few different values."""
