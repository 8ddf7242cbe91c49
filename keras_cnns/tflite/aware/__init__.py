"""Quantization-aware training, in Keras 3 or through tensorflow-model-optimization."""
