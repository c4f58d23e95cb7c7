"""What can be set of a schedule, and what is wrong with what was given. Pure."""

from __future__ import annotations

from typing import Any

from penstock.engine import recurrence
from penstock.model.errors import BadRequest, Problem
from penstock.service.assets.catalog import wrong_experiment_name

Json = dict[str, Any]
DEFAULTS: Json = {"catch_up": "latest", "overlap": "allow", "regenerate_outputs": False, "datasets": "captured"}
_CHOICES = {
    "catch_up": ("latest", "all", "none"),
    "overlap": ("allow", "skip", "queue", "cancel-previous"),
    "datasets": ("captured", "latest"),
}
_LEAST = {"polling_interval": 0.01, "settle_seconds": 0}
_MOST = 1_000_000
_LONGEST = 10_000
_SWITCHES = ("recursive", "on_delete", "regenerate_outputs", "continue_on_step_failure")
_TEXTS = ("description", "experiment_name", "datastore", "path_on_datastore", "data_path_parameter_name")
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
    has_rule = "recurrence" in settings
    found = [Problem(m, "recurrence") for m in recurrence.problems(settings["recurrence"])] if has_rule else []
    found += [
        Problem(f"{n} must be text, but is {settings[n]!r:.100}.", n) for n in _TEXTS if not _is_text(settings, n)
    ]
    if not isinstance(settings.get("pipeline_parameters", {}), dict):
        found.append(Problem("pipeline_parameters must be an object: {name: value}.", "pipeline_parameters"))
    if not found and (wrong := _wrong_experiment(settings.get("experiment_name"))):
        found.append(Problem(wrong, "experiment_name"))
    for name, known in _CHOICES.items():
        if settings.get(name) not in (None, *known):
            found.append(Problem(f"{name} must be one of {', '.join(known)}, but is {settings[name]!r}.", name))
    found += _numbers(settings)
    for name in _SWITCHES:
        if not isinstance(settings.get(name, False), bool):
            found.append(Problem(f"{name} must be true or false, but is {settings[name]!r:.100}.", name))
    given = [n for n in OF_DATA if settings.get(n) is not None]
    if has_rule and given:
        found.append(Problem(f"{given[0]} cannot be given together with a recurrence. Give one of them.", given[0]))
    path = str(settings.get("path_on_datastore") or "")
    if ".." in path.split("/") or path.startswith("/"):
        found.append(
            Problem(
                f"path_on_datastore {path!r} must lie below the datastore. Leave out '..' and the first '/'.", "path"
            )
        )
    return found


def _is_text(settings: Json, name: str) -> bool:
    value = settings.get(name, "")
    return isinstance(value, str) and "\0" not in value and len(value) <= _LONGEST


def _wrong_experiment(name: str | None) -> str | None:
    if not (name or "").strip():
        return "The schedule has no experiment_name. Give the experiment its runs belong to."
    return wrong_experiment_name(str(name))


def _numbers(settings: Json) -> list[Problem]:
    found = []
    for name, least in _LEAST.items():
        value = settings.get(name)
        is_number = not isinstance(value, bool) and isinstance(value, int | float)
        if value is not None and not (is_number and least <= value <= _MOST):
            text = f"{name} must be a number of {least} or more, up to a million, but is {value!r:.100}."
            found.append(Problem(text, name))
    most = settings.get("pause_after")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or not 0 <= most <= _MOST):
        found.append(Problem(f"pause_after must be a whole number, 0 for never, but is {most!r:.100}.", "pause_after"))
    return found


def target_problems(body: Json) -> list[Problem]:
    """What is wrong with what the schedule is to submit."""
    given = [body[n] for n in ("pipeline_id", "pipeline_endpoint_id") if body.get(n) not in (None, "")]
    if len(given) != 1 or not isinstance(given[0], str):
        return [Problem("Give the schedule either a pipeline_id or a pipeline_endpoint_id.", "pipeline_id")]
    return []


def standing_problems(name: Any, status: Any) -> list[Problem]:
    """What is wrong with its name, or with whether it is active."""
    found = []
    if not isinstance(name, str) or not name.strip() or "\0" in name or len(name) > 255:
        is_blank = name is None or (isinstance(name, str) and not name.strip())
        what = "has no name" if is_blank else f"cannot be called {name!r:.100}"
        found.append(Problem(f"The schedule {what}. Give it a name of 1 to 255 characters.", "name"))
    if status not in ("Active", "Disabled"):
        found.append(Problem(f"status must be Active or Disabled, but is {status!r:.100}.", "status"))
    return found


def refuse(found: list[Problem]) -> None:
    """BadRequest with all of these, if there are any."""
    if found:
        raise BadRequest(" ".join(p.message for p in found), target=found[0].target, details=tuple(found))


def shown(settings: Json) -> Json:
    """All settings, those that were not given with what holds then."""
    return {name: DEFAULTS.get(name) if settings.get(name) is None else settings[name] for name in SETTINGS}
