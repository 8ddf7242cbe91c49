"""The command `keras-cnns`: one file for each of its commands; `commands.py` puts them together."""
