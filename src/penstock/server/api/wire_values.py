"""Values of parameters as clients written for the original send them: plain ones, paths on datastores, datasets."""

from __future__ import annotations

from typing import Any

from penstock.model.errors import BadRequest
from penstock.server.bodies import folded
from penstock.service.services import Services

Json = dict[str, Any]
_ASSIGNMENTS = ("parameterassignments", "datapathassignments", "datasetdefinitionvalueassignments")


def assignments(services: Services, ws: str, body: Json) -> Json:
    """Parameters as we have them, of a body whose keys are folded."""
    objects(body, *_ASSIGNMENTS)
    plain, paths, datasets = (body.get(key) or {} for key in _ASSIGNMENTS)
    found = dict(plain)
    for name, value in paths.items():
        found[name] = _path(name, value)
    for name, value in datasets.items():
        found[name] = _dataset(services, ws, name, value)
    return found


def objects(body: Json, *keys: str) -> None:
    """BadRequest unless each of these is an object, if it is there."""
    for key in keys:
        if not isinstance(body.get(key) or {}, dict):
            raise BadRequest(f"{key} is a {type(body[key]).__name__}. Send an object: {{name: value}}.", target=key)


def _path(name: str, value: Any) -> Json:
    given = folded(value) if isinstance(value, dict) else {}
    if not isinstance(given.get("datastorename"), str):
        raise BadRequest(
            f'DataPathAssignments: {name} has no DataStoreName. Send {{"DataStoreName": …, "RelativePath": …}}.',
            target=name,
        )
    return {"datastore": given["datastorename"], "path": str(given.get("relativepath") or "")}


def _dataset(services: Services, ws: str, name: str, value: Any) -> Json:
    """The dataset that a definition value names: a saved one, a registered one, or the files at a path."""
    given = folded(value) if isinstance(value, dict) else {}
    for key in ("savedsetreference", "saveddatasetreference", "datasetreference"):
        named = folded(given[key]) if isinstance(given.get(key), dict) else None
        if named and named.get("id"):
            return {"dataset": str(named["id"])}
        if named and named.get("name"):
            version = _version(name, named.get("version"))
            return {"dataset": services.datasets.find(ws, str(named["name"]), version)["id"]}
    if isinstance(given.get("literalvalue"), dict):
        definition = {"paths": [_path(name, given["literalvalue"])]}
        return {"dataset": services.datasets.save(ws, {"kind": "file", "definition": definition})}
    raise BadRequest(
        f'DataSetDefinitionValueAssignments: {name} names no dataset. Send {{"SavedDataSetReference": {{"Id": …}}}}, '
        '{"DataSetReference": {"Name": …, "Version": …}} or {"LiteralValue": {"DataStoreName": …, "RelativePath": …}}.',
        target=name,
    )


def _version(name: str, given: Any) -> int | None:
    if given in (None, "", "latest"):
        return None
    if not str(given).isdigit():
        raise BadRequest(
            f"The dataset for {name} has the version {given!r}. Send a whole number, or 'latest'.", target=name
        )
    return int(given)
