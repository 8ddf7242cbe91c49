"""What a network costs: the layer table, multiply-accumulates, receptive fields; nothing is computed with it."""
