"""Classification: one label for each picture."""
