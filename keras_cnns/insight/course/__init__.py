"""The courses' figures, one a file: each function gives a matplotlib figure, `keras-cnns figure` writes it."""
