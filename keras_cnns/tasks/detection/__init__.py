"""Detection: boxes around objects. How boxes are measured; how they are trained is in the subfolders."""
