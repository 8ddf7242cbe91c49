"""Where samples come from: one file for each kind of data set, each returning a `Source`."""
