"""A route that is made whole later is found by the same calls as one that is whole from the start."""

import re

from fastapi import Request
from fastapi.routing import APIRoute

from penstock.server.bodies import LaterRoute
from penstock.server.permissions import TABLE


def nothing(request: Request) -> None:
    """Is never called."""


def odd(path: str) -> list[str]:
    """The path as it is called, and others like it."""
    plain = re.sub(r"\{\w+(:path)?\}", "x", path)
    longer = re.sub(r"\{\w+(:path)?\}", "x/y", path)
    return [plain, longer, plain + "/", plain + "/x", plain.rpartition("/")[0], "/" + plain, plain.upper(), path, ""]


def test_each_route_takes_what_it_would_take_whole() -> None:
    asked = [(method, path) for method, pattern in TABLE for path in odd(pattern)]
    for verb, pattern in TABLE:
        later = LaterRoute(pattern, nothing, methods=[verb])
        whole = APIRoute(pattern, nothing, methods=[verb])
        near = [(verb, path) for path in odd(pattern)] + asked[::7]
        for method, path in near:
            scope = {"type": "http", "method": method, "path": path, "headers": []}
            assert later.matches(scope)[0] is whole.matches(scope)[0], f"{method} {path!r} at {verb} {pattern}"


def test_a_route_behind_a_prefix_takes_what_it_would_take_whole() -> None:
    for path, is_taken in (("/at/a/b/c", True), ("/at/a/b", False)):
        scope = {"type": "http", "method": "GET", "path": path, "root_path": "/at", "headers": []}
        found = [kind("/a/{name}/c", nothing, methods=["GET"]).matches(scope)[0] for kind in (LaterRoute, APIRoute)]
        assert found[0] is found[1] and bool(found[0].value) is is_taken
