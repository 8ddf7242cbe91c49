"""The command `keras-cnns`, one file for each part of it."""
