"""Several labels at once: the network decides about each label of a picture independently."""
