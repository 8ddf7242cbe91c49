"""Predictions of a `.keras` or `.tflite` file for pictures, and drawings of its boxes and masks."""
