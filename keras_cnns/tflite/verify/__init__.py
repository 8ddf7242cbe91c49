"""A file compared with the model it was made from: measures, verdict, layer errors, timing, report."""
