"""What a network costs, read from its graph without running it: layer table, multiply-accumulates, receptive fields."""
