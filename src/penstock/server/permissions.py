"""What each route needs, in one table, and the asking. A route that is not in the table is the owner's alone.

To add a route: write it, then its line here. docs/access.md tells what the roles give.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import compile_path

from penstock.model.access import ALL, Caller, Needs, Permission, least_role
from penstock.model.errors import Forbidden, NotFound, PenstockError, Unauthorized
from penstock.service.identity.access import SUBMITTER_ID
from penstock.service.services import Services

CALLER = "caller"
"""Where the guard leaves who asks, in the scope's state: a Caller, or the PenstockError that says why nobody is known."""
_P = Permission
_API = "/api/v1"
_WIRE = "/pipelines/v1.0/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces/{ws}"
MOST_FOUND = 2000
"""So many paths are remembered with the route they lead to."""
PUBLISHED_PARAMETERS = ("pipeline_id", "endpoint_id")
"""Parameters of paths that name what may be granted by itself."""

_ROUTES: dict[Needs, str] = {
    Needs(_P.PUBLIC): """
        GET /healthz
        GET /openapi.json
        GET /docs
        GET /favicon.ico
        GET /studio/static/{name}
        POST /{tenant}/oauth2/token
        POST /{tenant}/oauth2/v2.0/token
        POST /{tenant}/oauth2/v2.0/devicecode
        GET /signin
        POST /signin
        POST /signout
        GET /{tenant}/.well-known/openid-configuration
        GET /{tenant}/v2.0/.well-known/openid-configuration
        GET /{tenant}/discovery/keys
        GET /{tenant}/discovery/v2.0/keys
    """,
    Needs(_P.SIGNED_IN): f"""
        GET {_API}/server
        GET {_API}/whoami
        GET {_API}/workspaces
        GET {_API}/published
        POST {_WIRE}/PipelineRuns/PipelineEndpointSubmit/Name
        GET /
        GET /runs
        GET /fragment
        GET /experiments/{{experiment}}
        GET /pipelines
        GET /pipelines/{{pipeline_id}}
        GET /schedules
        GET /schedules/{{schedule_id}}
        GET /schedules/{{schedule_id}}/fragment
        GET /device
        POST /device
    """,
    Needs(_P.READ, "server"): f"""
        GET {_API}/runs
        GET {_API}/cleared
    """,
    Needs(_P.READ, "run"): """
        GET /runs/{run_id}
        GET /runs/{run_id}/fragment
        GET /runs/{run_id}/files/{name:path}
    """,
    Needs(_P.OWN, "server"): f"""
        POST {_API}/shutdown
        POST {_API}/gc
        POST {_API}/gc/restore
        POST {_API}/gc/purge
        GET {_API}/audit
        GET {_API}/principals
        POST {_API}/principals
        GET {_API}/principals/{{name}}
        PUT {_API}/principals/{{name}}
        DELETE {_API}/principals/{{name}}
        POST {_API}/principals/{{name}}/rotate
        POST {_API}/principals/{{name}}/grants
        POST {_API}/principals/{{name}}/revoke
    """,
    Needs(_P.READ): f"""
        GET {_API}/workspaces/{{ws}}
        PUT {_API}/workspaces/{{ws}}
        GET {_API}/ws/{{ws}}/experiments
        GET {_API}/ws/{{ws}}/computes
        GET {_API}/ws/{{ws}}/computes/{{name}}
        GET {_API}/ws/{{ws}}/datastores
        GET {_API}/ws/{{ws}}/datastores/{{name}}
        GET {_API}/ws/{{ws}}/environments
        GET {_API}/ws/{{ws}}/environments/{{name}}
        GET {_API}/ws/{{ws}}/secrets
        GET {_API}/ws/{{ws}}/datasets
        GET {_API}/ws/{{ws}}/datasets/drift
        GET {_API}/ws/{{ws}}/datasets/{{dataset_id}}
        GET {_API}/ws/{{ws}}/models
        GET {_API}/ws/{{ws}}/models/{{name}}/{{version}}
        GET {_API}/ws/{{ws}}/models/{{name}}/{{version}}/content
        GET {_API}/ws/{{ws}}/runs
        GET {_API}/ws/{{ws}}/runs/{{run_id}}
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/children
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/stream
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/events
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/metrics
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/files
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/files/{{name:path}}
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/datasets
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/outputs
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/graph
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/attempts
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/why
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/changed
        GET {_API}/ws/{{ws}}/results
        POST {_API}/ws/{{ws}}/results/verify
        GET {_API}/ws/{{ws}}/results/{{run_id}}
        GET {_API}/ws/{{ws}}/snapshots/{{digest}}
        GET {_API}/ws/{{ws}}/blobs/{{digest}}
        GET {_API}/ws/{{ws}}/schedules
        GET {_API}/ws/{{ws}}/schedules/{{schedule_id}}
        GET {_API}/ws/{{ws}}/schedules/{{schedule_id}}/ticks
        GET {_API}/ws/{{ws}}/schedules/{{schedule_id}}/next
        GET {_API}/ws/{{ws}}/schedules/{{schedule_id}}/runs
        GET {_API}/ws/{{ws}}/pipelines
        GET {_API}/ws/{{ws}}/pipelines/{{pipeline_id}}/graph
        GET {_API}/ws/{{ws}}/endpoints
        GET {_API}/ws/{{ws}}/drafts
        GET {_API}/ws/{{ws}}/drafts/{{draft_id}}
        GET {_API}/ws/{{ws}}/modules
        GET {_API}/ws/{{ws}}/modules/{{module_id}}
        GET {_API}/ws/{{ws}}/module_versions/{{version_id}}
        GET {_API}/ws/{{ws}}/data_types
        GET {_WIRE}/PipelineRuns/{{run_id}}
        GET {_WIRE}/PipelineRuns/{{run_id}}/PipelineRunOutputs/{{name}}
        POST {_WIRE}/PipelineRuns/{{run_id}}/Graph/Node/Status
        POST {_WIRE}/PipelineRuns/{{run_id}}/Graph/Node/StatusCode
        POST {_WIRE}/PipelineRuns/{{run_id}}/Graph/Shareable/{{log}}
        POST {_WIRE}/PipelineRuns/{{run_id}}/Graph/Shareable/Outputs
        POST {_WIRE}/PipelineRuns/{{run_id}}/Outputs
        GET {_WIRE}/PipelineRuns/Pipeline/{{pipeline_id}}
        GET {_WIRE}/PipelineRuns/Schedule/{{schedule_id}}
        GET {_WIRE}/PipelineRuns/Schedule/{{schedule_id}}/Last
        GET {_WIRE}/Schedules
        GET {_WIRE}/Schedules/{{schedule_id}}
        GET {_WIRE}/Schedules/Pipeline/{{pipeline_id}}
        GET {_WIRE}/Schedules/PipelineEndpoint/{{endpoint_id}}
        GET {_WIRE}/Pipelines
        GET {_WIRE}/PipelineEndpoints
        GET {_WIRE}/PipelineEndpoints/Name
        GET {_WIRE}/PipelineEndpoints/{{endpoint_id}}/pipelines
        GET {_API}/ws/{{ws}}/webhooks
        GET {_API}/ws/{{ws}}/webhooks/{{webhook_id}}
        GET /mlflow/{{ws}}/version
        GET /mlflow/{{ws}}/
        GET /mlflow/{{ws}}
        GET /mlflow/{{ws}}/api/2.0/mlflow-artifacts/artifacts
        GET /mlflow/{{ws}}/api/2.0/mlflow-artifacts/artifacts/{{run_id}}/{{name:path}}
    """,
    Needs(_P.SUBMIT): f"""
        PUT {_API}/ws/{{ws}}/experiments/{{name}}
        POST {_API}/ws/{{ws}}/runs
        POST {_API}/ws/{{ws}}/plan
        POST {_API}/ws/{{ws}}/interactive_runs
        POST {_API}/ws/{{ws}}/snapshots
        POST {_API}/ws/{{ws}}/blobs
        POST {_API}/ws/{{ws}}/environments/{{name}}
        POST {_API}/ws/{{ws}}/drafts/{{draft_id}}/runs
    """,
    Needs(_P.READ_PUBLISHED): f"""
        GET {_API}/ws/{{ws}}/pipelines/{{pipeline_id}}
        GET {_API}/ws/{{ws}}/pipelines/{{pipeline_id}}/openapi.json
        GET {_API}/ws/{{ws}}/endpoints/{{endpoint_id}}/openapi.json
        GET {_API}/ws/{{ws}}/endpoints/{{endpoint_id}}
        GET {_WIRE}/Pipelines/{{pipeline_id}}
        GET {_WIRE}/PipelineEndpoints/Id/{{endpoint_id}}
    """,
    Needs(_P.RUN_PUBLISHED): f"""
        POST {_API}/ws/{{ws}}/pipelines/{{pipeline_id}}/runs
        POST {_API}/ws/{{ws}}/endpoints/{{endpoint_id}}/runs
        POST {_WIRE}/PipelineRuns/PipelineSubmit/{{pipeline_id}}
        POST {_WIRE}/PipelineRuns/PipelineEndpointSubmit/Id/{{endpoint_id}}
        POST {_WIRE}/PipelineRuns/PipelineEndpointSubmit/Id/{{endpoint_id}}/{{version}}
    """,
    Needs(_P.SUBMIT, "any"): f"""
        POST {_API}/uploads
    """,
    Needs(_P.TRACK): f"""
        POST {_API}/ws/{{ws}}/runs/{{run_id}}/journal
        POST {_API}/ws/{{ws}}/runs/{{run_id}}/cancel
        POST {_API}/ws/{{ws}}/runs/{{run_id}}/complete
        DELETE {_WIRE}/PipelineRuns/{{run_id}}/Execution
        PUT {_API}/ws/{{ws}}/runs/{{run_id}}/files/{{name:path}}
        GET /mlflow/{{ws}}/api/{{version}}/mlflow/{{call:path}}
        POST /mlflow/{{ws}}/api/{{version}}/mlflow/{{call:path}}
        PATCH /mlflow/{{ws}}/api/{{version}}/mlflow/{{call:path}}
        DELETE /mlflow/{{ws}}/api/{{version}}/mlflow/{{call:path}}
        PUT /mlflow/{{ws}}/api/2.0/mlflow-artifacts/artifacts/{{run_id}}/{{name:path}}
    """,
    Needs(_P.REGISTER): f"""
        POST {_API}/ws/{{ws}}/datasets
        POST {_API}/ws/{{ws}}/datasets/register
        POST {_API}/ws/{{ws}}/models
        PUT {_API}/ws/{{ws}}/models/{{name}}/{{version}}
        POST {_API}/ws/{{ws}}/datastores/{{name}}/pull
        POST {_API}/ws/{{ws}}/datastores/{{name}}/push
    """,
    Needs(_P.WRITE): f"""
        GET {_API}/ws/{{ws}}/runs/{{run_id}}/job
        PUT {_API}/ws/{{ws}}/computes/{{name}}
        DELETE {_API}/ws/{{ws}}/computes/{{name}}
        PUT {_API}/ws/{{ws}}/datastores/{{name}}
        DELETE {_API}/ws/{{ws}}/results/{{run_id}}
        PUT {_API}/ws/{{ws}}/runs/{{run_id}}/pin
        DELETE {_API}/ws/{{ws}}/runs/{{run_id}}/pin
        PUT {_API}/ws/{{ws}}/default_datastore
        PUT {_API}/ws/{{ws}}/environments/{{name}}/{{version}}/labels
        PUT {_API}/ws/{{ws}}/secrets/{{name}}
        DELETE {_API}/ws/{{ws}}/secrets/{{name}}
        DELETE {_API}/ws/{{ws}}/datasets
        DELETE {_API}/ws/{{ws}}/models/{{name}}/{{version}}
        POST {_API}/ws/{{ws}}/pipelines
        PUT {_API}/ws/{{ws}}/pipelines/{{pipeline_id}}
        POST {_API}/ws/{{ws}}/endpoints
        PUT {_API}/ws/{{ws}}/endpoints/{{endpoint_id}}
        POST {_API}/ws/{{ws}}/endpoints/{{endpoint_id}}/versions
        POST {_API}/ws/{{ws}}/drafts
        PUT {_API}/ws/{{ws}}/drafts/{{draft_id}}
        DELETE {_API}/ws/{{ws}}/drafts/{{draft_id}}
        POST {_API}/ws/{{ws}}/modules
        PUT {_API}/ws/{{ws}}/modules/{{module_id}}
        POST {_API}/ws/{{ws}}/modules/{{module_id}}/versions
        PUT {_API}/ws/{{ws}}/module_versions/{{version_id}}
        POST {_API}/ws/{{ws}}/data_types
        PUT {_API}/ws/{{ws}}/data_types/{{type_id}}
        PUT {_WIRE}/Pipelines/{{pipeline_id}}/status
        PUT {_WIRE}/PipelineEndpoints/{{endpoint_id}}
        POST {_WIRE}/Schedules/Create
        PUT {_WIRE}/Schedules/{{schedule_id}}
        POST {_API}/ws/{{ws}}/schedules
        PUT {_API}/ws/{{ws}}/schedules/{{schedule_id}}
        POST {_API}/ws/{{ws}}/schedules/{{schedule_id}}/run-now
        POST {_API}/ws/{{ws}}/schedules/{{schedule_id}}/backfill
        POST {_API}/ws/{{ws}}/webhooks
        PUT {_API}/ws/{{ws}}/webhooks/{{webhook_id}}
        DELETE {_API}/ws/{{ws}}/webhooks/{{webhook_id}}
    """,
    Needs(_P.SECRETS): f"""
        GET {_API}/ws/{{ws}}/secrets/{{name}}
    """,
    Needs(_P.OWN): f"""
        PUT {_API}/ws/{{ws}}/datastores/{{name}}/root
        DELETE {_API}/ws/{{ws}}/datastores/{{name}}
    """,
}
TABLE: dict[tuple[str, str], Needs] = {
    (line.split()[0], line.split()[1]): needs
    for needs, lines in _ROUTES.items()
    for line in lines.splitlines()
    if line.strip()
}


class Permissions:
    """Asks, before any route is called, whether who asks may."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._found: dict[tuple[str, str], tuple[Needs, dict[str, str]]] = {}

    @cached_property
    def _routes(self) -> dict[str, list[tuple[re.Pattern[str], Needs]]]:
        """By method. Made when somebody but the owner first asks, as nobody does on many a laptop."""
        found: dict[str, list[tuple[re.Pattern[str], Needs]]] = {}
        for (method, path), needs in sorted(TABLE.items(), key=lambda item: item[0][1].count("{")):  # plain paths first
            found.setdefault(method, []).append((compile_path(path)[0], needs))
        return found

    async def ask(self, method: str, path: str, caller: Caller | PenstockError) -> None:
        """Unauthorized or Forbidden, unless this caller may; NotFound for a route that the table does not have."""
        if isinstance(caller, Caller) and caller.kind == "owner":
            return
        found = self._find("GET" if method == "HEAD" else method, path)
        if found is None:
            raise (
                caller
                if isinstance(caller, PenstockError)
                else NotFound(f"{method} {path}: there is no such call. See /docs.")
            )
        needs, given = found
        if needs.permission is _P.PUBLIC:
            return
        if isinstance(caller, PenstockError):
            raise caller
        if caller.kind == "local" and method not in ("GET", "HEAD"):
            raise _refusal(caller, needs.permission, "")
        if needs.permission is not _P.SIGNED_IN and not _is_plain(needs, caller, given):
            await run_in_threadpool(self._ask, needs, caller, given)

    def _find(self, method: str, path: str) -> tuple[Needs, dict[str, str]] | None:
        known = self._found.get((method, path))
        if known is None:
            for pattern, needs in self._routes.get(method, ()):
                if match := pattern.match(path):
                    known = needs, match.groupdict()
                    break
            else:
                return None
            if len(self._found) >= MOST_FOUND:
                self._found.clear()
            self._found[method, path] = known
        return known

    def _ask(self, needs: Needs, caller: Caller, given: dict[str, Any]) -> None:
        """Forbidden, unless this caller may."""
        if needs.where == "any":
            if any(caller.may(needs.permission, place) for place in {ALL, caller.workspace, *caller.roles}):
                return
            raise _refusal(caller, needs.permission, "any workspace")
        place = ALL if needs.where == "server" else self._workspace(needs, given)
        if not caller.may(needs.permission, place, _published(given)) and not self._is_its_submission(
            needs, caller, given
        ):
            raise _refusal(caller, needs.permission, "the whole server" if place == ALL else f"workspace '{place}'")
        if needs.permission is _P.TRACK:
            self._services.access.check_family(caller, given.get("run_id"))

    def _is_its_submission(self, needs: Needs, caller: Caller, given: dict[str, str]) -> bool:
        """Whoever submitted a run may look at it and cancel it, with no role in its workspace."""
        if caller.kind != "principal" or needs.permission not in (_P.READ, _P.TRACK) or "run_id" not in given:
            return False
        return self._services.access.submitter_of(given["run_id"]).get(SUBMITTER_ID) == caller.id

    def _workspace(self, needs: Needs, given: dict[str, Any]) -> str:
        if needs.where == "run":
            return self._services.access.workspace_of(str(given["run_id"])) or ALL
        return str(given["ws"])


def _is_plain(needs: Needs, caller: Caller, given: Mapping[str, str]) -> bool:
    """Whether what a principal was given says yes by itself, with nothing to be looked up."""
    if caller.kind != "principal" or needs.where != "ws":
        return False
    return caller.may(needs.permission, given["ws"], _published(given))


def _published(given: Mapping[str, str]) -> frozenset[str]:
    """What may be granted by itself among what a path names."""
    return frozenset(str(given[p]) for p in PUBLISHED_PARAMETERS if p in given)


SIGN_IN = "This needs a token. Send 'Authorization: Bearer <token>': the home's own, from <home>/token, or one got from /<tenant>/oauth2/token."


def _refusal(caller: Caller, permission: Permission, place: str) -> PenstockError:
    if caller.kind == "local":
        return Unauthorized(
            "Changing anything, or reading a secret, over TCP needs the home's token. Send 'Authorization: Bearer <token>', from <home>/token."
        )
    if caller.kind == "run":
        return Forbidden(
            f"The token of run '{caller.id}' is not for this ({permission} on {place}). Ask as a principal that may."
        )
    role = least_role(permission)
    where = place.removeprefix("workspace ") if place.startswith("workspace") else "'*'"
    return Forbidden(
        f"Principal '{caller.name}' may not do this on {place}: it takes the role {role}. "
        f"An owner gives it: penstock principal grant {caller.name} --role {role} --workspace {where}"
    )
