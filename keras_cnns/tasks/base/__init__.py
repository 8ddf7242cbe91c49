"""Shared by all tasks: the interface `Task`, losses, and the networks that a recipe trains and saves."""
