"""What every part stands on: errors, messages, checks of arguments, files written whole, lazy imports, the console."""
