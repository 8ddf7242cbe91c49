"""Weights from anywhere: fetched, read, renamed, fitted, assigned strictly."""

from importlib import import_module

_HOMES = {"load_weights": "load", "published": "catalog", "assign": "assign", "read": "readers"}

__all__ = list(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"keras_cnns.weights.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'keras_cnns.weights' has no attribute {name!r}")
