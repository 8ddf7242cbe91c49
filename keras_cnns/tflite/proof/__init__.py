"""The file is run, compared with its model, timed; a report says how well it stands in."""
