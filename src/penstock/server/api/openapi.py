"""OpenAPI documents of single published pipelines and endpoints: one operation, with the pipeline's parameters as typed properties. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from penstock import __version__

Json = dict[str, Any]
_PATH = {
    "type": "object",
    "required": ["DataStoreName"],
    "properties": {"DataStoreName": {"type": "string"}, "RelativePath": {"type": "string"}},
}
_DATASET = {
    "type": "object",
    "properties": {
        "SavedDataSetReference": {"type": "object", "properties": {"Id": {"type": "string"}}},
        "DataSetReference": {
            "type": "object",
            "properties": {"Id": {"type": "string"}, "Name": {"type": "string"}, "Version": {"type": "string"}},
        },
        "LiteralValue": _PATH,
    },
}
_PLACES = {"datapath": "DataPathAssignments", "dataset": "DataSetDefinitionValueAssignments"}


def document(pipeline: Mapping[str, Any], url: str, title: str = "") -> Json:
    """OpenAPI 3.1 of the one call that runs this pipeline. `url` is where it is called."""
    parts = urlsplit(url)
    name = title or pipeline["name"]
    operation: Json = {
        "operationId": "run",
        "summary": f"Run {name}",
        "description": pipeline["description"]
        or f"Submits the pipeline {name}; the answer names the run, which goes on by itself.",
        "security": [{"bearer": []}],
        "parameters": [
            _header("Idempotency-Key", "The same key with the same body gives the same run."),
            _query("wait", "Answer when the run has ended, or after so many seconds."),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(pipeline["parameters"])}}},
        "responses": {
            "200": {
                "description": "The run",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Run"}}},
            },
            **{
                code: {
                    "description": text,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for code, text in _ERRORS.items()
            },
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": pipeline["version"] or "0",
            "description": f"Served by Penstock {__version__}.",
        },
        "servers": [{"url": f"{parts.scheme}://{parts.netloc}"}],
        "paths": {parts.path: {"post": operation}},
        "components": {"schemas": _SCHEMAS, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


_ERRORS = {
    "400": "The body or a parameter is wrong",
    "401": "No token, or an expired one",
    "403": "Who asks may not run this pipeline",
    "404": "No such pipeline, or it is disabled",
    "409": "The Idempotency-Key was used with another body",
}


def _error(**more: Json) -> Json:
    one: Json = {n: {"type": "string"} for n in ("code", "message", "target")}
    problem = {"type": "object", "required": list(one), "properties": one}
    details = {"type": "array", "items": problem}
    error = {"type": "object", "required": [*one, "details"], "properties": {**one, "details": details}}
    return {"type": "object", "required": ["error", *more], "properties": {"error": error, **more}}


_SCHEMAS: Json = {
    "Run": {
        "type": "object",
        "properties": {
            "Id": {"type": "string"},
            "PipelineId": {"type": "string"},
            "Status": {
                "type": "object",
                "properties": {
                    "StatusCode": {"type": "integer"},
                    "StatusDetail": {"enum": ["NotStarted", "Running", "Failed", "Finished", "Canceled"]},
                },
            },
            "Url": {"type": "string"},
        },
    },
    "Error": _error(correlation={"type": "object"}),
}
ERRORS: Json = {"description": "What is wrong", "content": {"application/json": {"schema": _error()}}}
"""How a call of our own API is refused."""
WIRE_ERRORS: Json = {**ERRORS, "content": {"application/json": {"schema": _SCHEMAS["Error"]}}}
"""How one of an existing client's is."""


def _body(parameters: list[Json]) -> Json:
    properties: Json = {
        "ExperimentName": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$"},
        "DisplayName": {"type": "string"},
        "Description": {"type": "string"},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        "StepTags": {"type": "object", "additionalProperties": {"type": "string"}},
        "Properties": {"type": "object", "additionalProperties": {"type": "string"}},
        "ContinueRunOnStepFailure": {"type": "boolean"},
        "RegenerateOutputs": {"type": "boolean"},
    }
    for parameter in parameters:
        place = _PLACES.get(parameter["type"], "ParameterAssignments")
        group = properties.setdefault(place, {"type": "object", "properties": {}, "additionalProperties": False})
        group["properties"][parameter["name"]] = _schema(parameter)
    return {"type": "object", "required": ["ExperimentName"], "properties": properties}


def _schema(parameter: Json) -> Json:
    """A parameter's type with its default, as JSON has them."""
    kind, default = parameter["type"], parameter["default"]
    if kind == "datapath":
        return {**_PATH, "default": {"DataStoreName": default["datastore"], "RelativePath": default.get("path") or ""}}
    if kind == "dataset":
        return {**_DATASET, "default": {"SavedDataSetReference": {"Id": default["dataset"]}}}
    if kind == "bool":
        return {"type": "boolean", "default": default.lower() == "true"}
    if kind == "int" and default not in ("True", "False"):
        return {"type": "integer", "default": int(default)}
    if kind == "float" and default.lower() not in ("nan", "inf", "-inf"):
        return {"type": "number", "default": float(default)}
    return {"type": "string", "default": default}


def example(parameters: list[Json]) -> Json:
    """A body with every parameter at its default."""
    body: Json = {"ExperimentName": "my-experiment"}
    for parameter in parameters:
        place = _PLACES.get(parameter["type"], "ParameterAssignments")
        body.setdefault(place, {})[parameter["name"]] = _schema(parameter)["default"]
    return body


def _header(name: str, text: str) -> Json:
    return {"name": name, "in": "header", "description": text, "schema": {"type": "string", "maxLength": 255}}


def _query(name: str, text: str) -> Json:
    return {"name": name, "in": "query", "description": text, "schema": {"type": "number", "minimum": 0}}
