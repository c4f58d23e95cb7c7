"""Who asks, what they may do, and what each route needs. Pure: no tokens, no tables, no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ALL = "*"
"""In place of a workspace's name: every workspace, and the server itself."""


class Permission(StrEnum):
    """What a route needs."""

    PUBLIC = "public"
    """Anybody, signed in or not."""
    SIGNED_IN = "signed in"
    """Anybody who is signed in; the answer holds only what they may see."""
    READ = "read"
    SUBMIT = "submit"
    """Start runs, with what goes with them (snapshots, uploads), and cancel them."""
    READ_PUBLISHED = "look at a published pipeline"
    RUN_PUBLISHED = "run a published pipeline"
    TRACK = "track"
    """Write to a run: metrics, files, tags, its end. A run's token may for itself, its children and its parents."""
    REGISTER = "register"
    """Register datasets and models."""
    WRITE = "write"
    """Change what a workspace has: computes, datastores, published pipelines, schedules, webhooks."""
    SECRETS = "read secrets"
    OWN = "own"
    """Principals, grants, and stopping the server."""


class Role(StrEnum):
    """What a principal may do in a workspace; each may what those before it may."""

    READER = "reader"
    SUBMITTER = "submitter"
    CONTRIBUTOR = "contributor"
    OWNER = "owner"


_P = Permission
_OF_PUBLISHED = frozenset({_P.READ_PUBLISHED, _P.RUN_PUBLISHED})
"""What the grant of one published pipeline or endpoint gives."""
_READER = frozenset({_P.READ, _P.READ_PUBLISHED})
_SUBMITTER = _READER | {_P.SUBMIT, _P.RUN_PUBLISHED, _P.TRACK}
_CONTRIBUTOR = _SUBMITTER | {_P.REGISTER, _P.WRITE, _P.SECRETS}
ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.READER: _READER,
    Role.SUBMITTER: _SUBMITTER,
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.OWNER: _CONTRIBUTOR | {_P.OWN},
}
OF_A_RUN = _SUBMITTER | {_P.REGISTER, _P.SECRETS}
"""What a run's own process may, in its workspace."""


def least_role(permission: Permission) -> Role:
    """The least of the roles that give it."""
    return next(role for role in Role if permission in ROLES[role])


@dataclass(frozen=True)
class Needs:
    """What a route needs, and where: in the workspace that its path names (`ws`), in that of the run it names (`run`), or on the whole
    server (`server`)."""

    permission: Permission
    where: str = "ws"


@dataclass(frozen=True)
class Caller:
    """Somebody who asks. `roles` by workspace; `published` are pipelines and endpoints that may be run beside them."""

    kind: str
    """`owner` (of the home), `local` (somebody on this machine, who showed nothing), `principal` or `run`."""
    id: str
    name: str
    roles: Mapping[str, Role] = field(default_factory=dict)
    published: frozenset[str] = frozenset()
    workspace: str = ""
    """Of a run: where it is."""

    def may(self, permission: Permission, workspace: str, published: frozenset[str] = frozenset()) -> bool:
        """Whether this caller has the permission there (`ALL`: on the server). Whose run it is, is not asked here."""
        if self.kind == "owner" or permission in (_P.PUBLIC, _P.SIGNED_IN):
            return True
        if self.kind == "run":
            return permission in OF_A_RUN and workspace == self.workspace
        given = [self.roles[place] for place in {ALL, workspace} & set(self.roles)]
        if any(permission in ROLES[role] for role in given):
            return True
        return permission in _OF_PUBLISHED and bool(self.published & published)

    def sees(self, workspace: str) -> bool:
        """Whether a workspace may be named to this caller."""
        return self.may(_P.READ, workspace) or self.kind == "run"


OWNER = Caller("owner", "owner", "the owner")
LOCAL = Caller("local", "", "somebody on this machine", {ALL: Role.READER})
