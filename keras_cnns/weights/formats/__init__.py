"""Readers of weight files, one file for each format."""
