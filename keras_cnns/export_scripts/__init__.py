"""What the scripts in export/ run: from a recipe's checkpoint to files and the code that feeds them in an app."""
