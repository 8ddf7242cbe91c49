"""The version, where what must not load the whole library finds it."""

__version__ = "0.1.0"
