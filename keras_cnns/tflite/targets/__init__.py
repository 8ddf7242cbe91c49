"""Where a `.tflite` file runs: one file for each runtime or chip."""
