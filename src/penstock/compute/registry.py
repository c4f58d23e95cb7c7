"""Computes by the name of their executor. An entry is imported at first use; the hint says what to install when it is missing.

Foreign computes register through the entry point group `penstock.computes`, exactly as the built one is listed here.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from penstock.model.errors import BadRequest

REGISTRY = {"local": ("penstock.compute.local:LocalCompute", "It is part of penstock itself.")}


def compute_class(name: str) -> Any:
    """The class of executor `name`; BadRequest naming what to install or what there is."""
    foreign = {
        e.name: (e.value, f"It comes with {e.dist.name if e.dist else e.value}.")
        for e in entry_points(group="penstock.computes")
    }
    known = {**REGISTRY, **foreign}
    if name not in known:
        raise BadRequest(f"There is no compute executor '{name}'. There are: {', '.join(sorted(known))}.")
    path, hint = known[name]
    module, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise BadRequest(f"Compute executor '{name}' cannot be loaded: {error}. {hint}") from error
