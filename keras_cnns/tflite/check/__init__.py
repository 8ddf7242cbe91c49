"""Checks of a finished `.tflite` file, made by whatever tool: what it is, what is wrong with it, what can be mended."""
