"""The pictures of an export: calibration and comparison, in whatever structure the model takes."""
