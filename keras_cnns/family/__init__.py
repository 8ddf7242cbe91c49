"""What a file in `models/` offers: its paper, the rows of its table, the levels of its network, and the head."""
