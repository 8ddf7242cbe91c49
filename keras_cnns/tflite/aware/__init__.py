"""Quantization while training: Keras 3 natively, or through tensorflow-model-optimization's twin."""
