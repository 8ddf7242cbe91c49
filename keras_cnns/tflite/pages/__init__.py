"""What the pages of `export/` run."""
