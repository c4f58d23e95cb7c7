"""Who looks at a page, as far as pages show it: their name, what their forms carry, which workspaces they see."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from penstock.model.access import ALL, Permission
from penstock.server import forms
from penstock.server.callers import caller_of
from penstock.service.services import Services


@dataclass(frozen=True)
class Visitor:
    """`name` is empty of somebody who has not signed in; `form_key` of whoever is not known by a cookie. `workspaces` None: all."""

    name: str = ""
    form_key: str = ""
    workspaces: tuple[str, ...] | None = None


NOBODY = Visitor()


def visitor_of(services: Services, request: Request) -> Visitor:
    caller = caller_of(request)
    has_session = forms.COOKIE in request.scope.get("state", {})
    seen = None
    if not caller.may(Permission.READ, ALL):
        seen = tuple(w["name"] for w in services.catalog.workspaces() if caller.may(Permission.READ, w["name"]))
    return Visitor(caller.name if has_session else "", forms.form_key(services, request) if has_session else "", seen)
