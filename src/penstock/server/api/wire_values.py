"""Values of parameters as clients written for the original send them: plain ones, paths on datastores, datasets."""

from __future__ import annotations

import re
from typing import Any

from penstock.model.errors import BadRequest
from penstock.server.bodies import folded
from penstock.service.services import Services

Json = dict[str, Any]
_NUMBER = re.compile(r"[0-9]{1,9}\Z")
_ASSIGNMENTS = ("parameterassignments", "datapathassignments", "datasetdefinitionvalueassignments")


def assignments(body: Json) -> Json:
    """Parameters as we have them, of a body whose keys are folded; datasets that are not named by their ids as `saved` takes them."""
    objects(body, *_ASSIGNMENTS)
    plain, paths, datasets = (body.get(key) or {} for key in _ASSIGNMENTS)
    found = dict(plain)
    for name, value in paths.items():
        found[name] = _path("DataPathAssignments", name, value)
    for name, value in datasets.items():
        found[name] = _dataset(name, value)
    return found


def is_unsaved(value: Any) -> bool:
    return isinstance(value, dict) and value.get("dataset") == ""


def saved(services: Services, ws: str, values: Json) -> Json:
    """The values with each dataset by its id. Files at a path become a dataset by this."""
    return {name: {"dataset": _id(services, ws, v)} if is_unsaved(v) else v for name, v in values.items()}


def _id(services: Services, ws: str, value: Json) -> str:
    if "name" in value:
        return str(services.datasets.find(ws, value["name"], value["version"])["id"])
    return services.datasets.save(ws, {"kind": "file", "definition": {"paths": [value["files"]]}})


def objects(body: Json, *keys: str) -> None:
    """BadRequest unless each of these is an object, if it is there."""
    for key in keys:
        if not isinstance(body.get(key) or {}, dict):
            raise BadRequest(f"{key} is a {type(body[key]).__name__}. Send an object: {{name: value}}.", target=key)


def _path(place: str, name: str, value: Any) -> Json:
    given = folded(value) if isinstance(value, dict) else {}
    store, path = given.get("datastorename"), given.get("relativepath")
    path = "" if path is None else path
    if not isinstance(store, str) or not isinstance(path, str):
        raise BadRequest(
            f'{place}: {name} has no DataStoreName. Send {{"DataStoreName": …, "RelativePath": …}}.', target=name
        )
    return {"datastore": store, "path": path}


def _dataset(name: str, value: Any) -> Json:
    """The dataset that a definition value names: a saved one, a registered one, or the files at a path."""
    given = folded(value) if isinstance(value, dict) else {}
    for key in ("savedsetreference", "saveddatasetreference", "datasetreference"):
        named = folded(given[key]) if isinstance(given.get(key), dict) else None
        if named and named.get("id"):
            return {"dataset": str(named["id"])}
        if named and named.get("name"):
            return {"dataset": "", "name": str(named["name"]), "version": _version(name, named.get("version"))}
    if isinstance(given.get("literalvalue"), dict):
        return {"dataset": "", "files": _path("DataSetDefinitionValueAssignments", name, given["literalvalue"])}
    raise BadRequest(
        f'DataSetDefinitionValueAssignments: {name} names no dataset. Send {{"SavedDataSetReference": {{"Id": …}}}}, '
        '{"DataSetReference": {"Name": …, "Version": …}} or {"LiteralValue": {"DataStoreName": …, "RelativePath": …}}.',
        target=name,
    )


def _version(name: str, given: Any) -> int | None:
    if given in (None, "", "latest"):
        return None
    if not _NUMBER.match(str(given)):
        raise BadRequest(
            f"The dataset for {name} has the version {given!r}. Send a whole number, or 'latest'.", target=name
        )
    return int(given)
