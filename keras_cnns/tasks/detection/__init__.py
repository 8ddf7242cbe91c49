"""Detection: boxes around objects. The metrics are in this folder, the training of detectors is in the subfolders."""
