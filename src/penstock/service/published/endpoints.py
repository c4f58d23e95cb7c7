"""The verbs on pipeline endpoints: a name that stays, over versions '0', '1', … that are published pipelines each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.service.assets.catalog import Catalog, iso
from penstock.service.context import Context
from penstock.service.published.pipelines import LONGEST_NAME, Pipelines
from penstock.service.published.places import endpoint_url
from penstock.service.runs.submission import Also
from penstock.store import pipelines as store

Json = dict[str, Any]
STATUSES = ("Active", "Archived", "Disabled")
ENDPOINT_ID = "azureml.pipelineendpointid"
"""The property of a run that names the endpoint it was submitted by."""


class Endpoints:
    """Endpoints by id or name."""

    def __init__(self, context: Context, workspaces: Catalog, pipelines: Pipelines) -> None:
        self._context, self._workspaces, self.pipelines = context, workspaces, pipelines
        self._db = context.database
        self.revision = 0
        """Counts changes: what was read before one may not hold."""

    def create(self, workspace: str, body: Json) -> Json:
        """Make an endpoint with `pipeline_id` as its version '0', which is its default."""
        self._workspaces.workspace(workspace)
        name = _checked_name(body.get("name"))
        pipeline_id = str(body.get("pipeline_id") or "")
        self.pipelines.get(workspace, pipeline_id)
        now, made_id = self._context.clock(), self._context.make_id()
        row = {
            "id": made_id,
            "workspace": workspace,
            "name": name,
            "description": None if body.get("description") is None else str(body["description"]),
            "status": "Active",
            "default_version": 0,
            "created_at": now,
        }

        def work(connection: Connection) -> bool:
            if not store.add_endpoint(connection, row):
                return False
            store.add_version(connection, made_id, pipeline_id, now)
            return True

        if not self._db.write(work):
            raise _taken(name)
        return self.get(workspace, made_id)

    def get(self, workspace: str, endpoint_id: str) -> Json:
        return self._all_shown(workspace, [self._row(workspace, id=endpoint_id)])[0]

    def named(self, workspace: str, name: str) -> Json:
        return self._all_shown(workspace, [self._row(workspace, name=name)])[0]

    def list(self, workspace: str, status: str | None, before: int | None, limit: int) -> Sequence[Json]:
        """Newest first."""
        self._workspaces.workspace(workspace)
        with self._db.read() as connection:
            rows = store.endpoints(connection, workspace, status, before, limit)
        return self._all_shown(workspace, rows)

    def beginning(
        self, text: str, workspaces: Sequence[str] | None, granted: Sequence[str], limit: int
    ) -> Sequence[Json]:
        """Endpoints and published pipelines that what was typed may mean: store.pipelines.beginning."""
        with self._db.read() as connection:
            found = store.beginning(connection, text, workspaces, granted, limit)
        return [{**row, "version": None if row["version"] is None else str(row["version"])} for row in found]

    def workspaces_of(self, granted: Collection[str]) -> set[str]:
        """Where these endpoints and published pipelines are."""
        return (
            {each["workspace"] for each in self.beginning("", (), sorted(granted), len(granted))} if granted else set()
        )

    def update(self, workspace: str, endpoint_id: str, body: Json) -> Json:
        """Change its name, description, status or default_version."""
        found = self.get(workspace, endpoint_id)
        values: Json = {}
        if body.get("name") is not None:
            values["name"] = _checked_name(body["name"])
        if body.get("description") is not None:
            values["description"] = str(body["description"])
        if body.get("status") is not None:
            if body["status"] not in STATUSES:
                raise BadRequest(
                    f"An endpoint's status is one of {', '.join(STATUSES)}, not {body['status']!r}. Send one of them.",
                    target="status",
                )
            values["status"] = body["status"]
            if body["status"] == "Archived" != found["status"]:  # its name is free again
                values["name"] = f"{found['name'][: LONGEST_NAME - 20]} (archived {endpoint_id[:8]})"
        if body.get("default_version") is not None:
            values["default_version"] = int(_version(found, str(body["default_version"]))["version"])

        def work(connection: Connection) -> bool:
            if "name" in values:
                other = store.endpoint(connection, workspace, name=values["name"])
                if other is not None and other["id"] != endpoint_id:
                    return False
            store.change_endpoint(connection, endpoint_id, values)
            return True

        if values and not self._db.write(work):
            raise _taken(values["name"])
        self.revision += 1
        return self.get(workspace, endpoint_id)

    def add(self, workspace: str, endpoint_id: str, body: Json) -> Json:
        """Add `pipeline_id` as its next version; with `default` it is the default from now on."""
        self.get(workspace, endpoint_id)
        pipeline_id = str(body.get("pipeline_id") or "")
        self.pipelines.get(workspace, pipeline_id)
        now = self._context.clock()

        def work(connection: Connection) -> int | None:
            version = store.add_version(connection, endpoint_id, pipeline_id, now)
            if version is not None and body.get("default"):
                store.change_endpoint(connection, endpoint_id, {"default_version": version})
            return version

        if self._db.write(work) is None:
            raise Conflict(
                f"The published pipeline '{pipeline_id}' is a version of this endpoint already. Publish it again for a new one.",
                target="pipeline_id",
            )
        self.revision += 1
        return self.get(workspace, endpoint_id)

    def check(self, workspace: str, endpoint_id: str, parameters: Json) -> None:
        """NotFound or WrongParameters unless its default version can be submitted with these parameters."""
        self.pipelines.check(workspace, self.pipeline_of(workspace, endpoint_id), parameters)

    def pipeline_of(self, workspace: str, endpoint_id: str, version: str | None = None) -> str:
        """The published pipeline of a version, or of the default one; NotFound while the endpoint takes no submissions."""
        found = self.get(workspace, endpoint_id)
        if found["status"] != "Active":
            raise NotFound(
                f"The pipeline endpoint '{found['name']}' is {found['status'].lower()}. "
                f"Enable it: penstock pipeline enable {endpoint_id}",
                target=endpoint_id,
            )
        return str(_version(found, found["default_version"] if version is None else version)["pipeline_id"])

    def submit(
        self, workspace: str, endpoint_id: str, version: str | None, body: Json, also: Also | None = None
    ) -> Json:
        """Submit a version, or the default one: as Pipelines.submit."""
        pipeline_id = self.pipeline_of(workspace, endpoint_id, version)
        properties = {**(body.get("properties") or {}), ENDPOINT_ID: endpoint_id}
        return self.pipelines.submit(workspace, pipeline_id, {**body, "properties": properties}, also)

    def _row(self, workspace: str, **equal: str) -> Json:
        with self._db.read() as connection:
            row = store.endpoint(connection, workspace, **equal)
        if row is None:
            wanted = next(iter(equal.values()))
            raise NotFound(
                f"There is no pipeline endpoint '{wanted}' in workspace '{workspace}'. See them: penstock pipeline list --endpoints",
                target=wanted,
            )
        return row

    def _all_shown(self, workspace: str, rows: Sequence[Json]) -> Sequence[Json]:
        with self._db.read() as connection:
            versions = store.versions(connection, [r["id"] for r in rows])
        space = self._workspaces.workspace(workspace)
        return [self._shown(space, r, versions[r["id"]]) for r in rows]

    def _shown(self, space: Json, row: Json, versions: Sequence[Json]) -> Json:
        plain = {k: row[k] for k in ("id", "workspace", "name", "description", "status", "number")}
        return {
            **plain,
            "default_version": str(row["default_version"]),
            "versions": [{**v, "version": str(v["version"])} for v in versions],
            "created_at": iso(row["created_at"]),
            "endpoint": endpoint_url(self._context.url, space, f"PipelineEndpointSubmit/Id/{row['id']}"),
            "swagger_url": f"{self._context.url}/api/v1/ws/{row['workspace']}/endpoints/{row['id']}/openapi.json",
        }


def _version(endpoint: Json, version: str) -> Json:
    for each in endpoint["versions"]:
        if each["version"] == version:
            return dict(each)
    has = ", ".join(v["version"] for v in endpoint["versions"])
    raise NotFound(
        f"The pipeline endpoint '{endpoint['name']}' has no version '{version}'. It has: {has}.", target="version"
    )


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or "\0" in name:
        raise BadRequest(
            f"The endpoint's name {name!r} is invalid. Give 1 to {LONGEST_NAME} characters.", target="name"
        )
    return name


def _taken(name: str) -> Conflict:
    return Conflict(
        f"There is a pipeline endpoint '{name}' in this workspace already. Choose another name.", target="name"
    )
