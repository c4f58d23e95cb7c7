"""What can be set of a schedule, and what is wrong with what was given. Pure."""

from __future__ import annotations

import math
from typing import Any

from penstock.engine import recurrence
from penstock.model.errors import BadRequest, Problem

Json = dict[str, Any]
DEFAULTS: Json = {"catch_up": "latest", "overlap": "allow", "regenerate_outputs": False, "datasets": "captured"}
_CHOICES = {
    "catch_up": ("latest", "all", "none"),
    "overlap": ("allow", "skip", "queue", "cancel-previous"),
    "datasets": ("captured", "latest"),
}
_LEAST = {"polling_interval": 0.01, "settle_seconds": 0}
_SWITCHES = ("recursive", "on_delete", "regenerate_outputs")
SETTINGS = (
    "description",
    "experiment_name",
    "recurrence",
    "pipeline_parameters",
    "continue_on_step_failure",
    "datastore",
    "path_on_datastore",
    "polling_interval",
    "data_path_parameter_name",
    "catch_up",
    "overlap",
    "pause_after",
    "recursive",
    "on_delete",
    "settle_seconds",
    "regenerate_outputs",
    "datasets",
)
WHERE = ("datastore", "path_on_datastore", "recursive")
OF_DATA = ("datastore", "path_on_datastore", "data_path_parameter_name")


def problems(settings: Json) -> list[Problem]:
    """All that is wrong with settings as sent."""
    rule = settings.get("recurrence")
    found = [Problem(m, "recurrence") for m in recurrence.problems(rule)] if rule else []
    if not isinstance(settings.get("pipeline_parameters", {}), dict):
        found.append(Problem("pipeline_parameters must be an object: {name: value}.", "pipeline_parameters"))
    if not str(settings.get("experiment_name") or "").strip():
        found.append(
            Problem("The schedule has no experiment_name. Give the experiment its runs belong to.", "experiment_name")
        )
    for name, known in _CHOICES.items():
        if settings.get(name) not in (None, *known):
            found.append(Problem(f"{name} must be one of {', '.join(known)}, but is {settings[name]!r}.", name))
    for name, least in _LEAST.items():
        value = settings.get(name)
        if value is not None and not _is_number(value, least):
            found.append(Problem(f"{name} must be a number of {least} or more, but is {value!r}.", name))
    most = settings.get("pause_after")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 0):
        found.append(Problem(f"pause_after must be a whole number, 0 for never, but is {most!r}.", "pause_after"))
    for name in _SWITCHES:
        if not isinstance(settings.get(name, False), bool):
            found.append(Problem(f"{name} must be true or false, but is {settings[name]!r}.", name))
    given = [n for n in OF_DATA if settings.get(n) is not None]
    if rule and given:
        found.append(Problem(f"{given[0]} cannot be given together with a recurrence. Give one of them.", given[0]))
    path = str(settings.get("path_on_datastore") or "")
    if ".." in path.split("/") or path.startswith("/"):
        found.append(
            Problem(
                f"path_on_datastore {path!r} must lie below the datastore. Leave out '..' and the first '/'.", "path"
            )
        )
    return found


def target_problems(body: Json) -> list[Problem]:
    """What is wrong with what the schedule is to submit."""
    if bool(body.get("pipeline_id")) == bool(body.get("pipeline_endpoint_id")):
        return [Problem("Give the schedule either a pipeline_id or a pipeline_endpoint_id.", "pipeline_id")]
    return []


def refuse(found: list[Problem]) -> None:
    """BadRequest with all of these, if there are any."""
    if found:
        raise BadRequest(" ".join(p.message for p in found), target=found[0].target, details=tuple(found))


def shown(settings: Json) -> Json:
    """All settings, those that were not given with what holds then."""
    return {name: DEFAULTS.get(name) if settings.get(name) is None else settings[name] for name in SETTINGS}


def _is_number(value: Any, least: float) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value) and value >= least
