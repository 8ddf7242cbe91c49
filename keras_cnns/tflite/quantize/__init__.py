"""Quantization after training: the schemes, and the algorithms behind them."""
