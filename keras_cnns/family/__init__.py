"""What a file in `models/` offers: its paper, the rows of its table, its levels and its head."""
