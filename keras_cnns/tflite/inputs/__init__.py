"""The pictures of an export, for calibration and comparison, in any structure that the model takes."""
