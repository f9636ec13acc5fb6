"""Which call is meant: by method and path, and the parameters in the path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter, Rule

from connectors.simulator.messages import Call


def table(rows: Iterable[tuple[str, str, Any]]) -> MapAdapter:
    """Return the map of methods, paths such as `/reports/<ref>`, and what they lead to."""
    rules = [Rule(path, methods=[method], endpoint=meant) for method, path, meant in rows]
    return Map(rules, strict_slashes=True, merge_slashes=False).bind("simulator")


def found_in(known: MapAdapter, call: Call) -> tuple[Any, Mapping[str, str]]:
    """Return what a call leads to, and its parameters; None for one that is not in the map."""
    try:
        return known.match(call.path, call.method)
    except HTTPException:
        return None, {}
