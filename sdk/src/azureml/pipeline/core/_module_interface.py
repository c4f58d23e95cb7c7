"""What a version of a module is published with, as the JSON that the server keeps. ValueError for what is no port, parameter or argument."""

import os

from azureml._paths import absolute


def lowered(name, ports):
    """The ports, parameters and arguments of a version."""
    from azureml.pipeline.core._definitions import InputPortDef, OutputPortDef, ParamDef

    found = {}
    for key, kind in (("inputs", InputPortDef), ("outputs", OutputPortDef)):
        given = list(ports[key] or [])
        for each in given:
            if not isinstance(each, kind):
                raise ValueError(
                    "Module '{}': {} holds a {}. List {} objects (azureml.pipeline.core.graph).".format(
                        name, key, type(each).__name__, kind.__name__
                    )
                )
        found[key] = [each._lower() for each in given]
    params = ports["params"] or {}
    if isinstance(params, dict):
        params = [ParamDef(key, value) for key, value in params.items()]
    found["parameters"] = [each._lower() for each in params]
    found["arguments"] = [
        _argument(name, each, position, found) for position, each in enumerate(ports["arguments"] or [], 1)
    ]
    return found


def _argument(name, argument, position, found):
    from azureml._graph.arguments import text
    from azureml.pipeline.core._definitions import InputPortDef, OutputPortDef, ParamDef

    tags = (("input", "inputs"), ("output", "outputs"), ("parameter", "parameters"))
    for tag, kind in zip(("input", "output", "parameter"), (InputPortDef, OutputPortDef, ParamDef)):
        if isinstance(argument, kind):
            return {tag: argument.name}
    literal = text(argument, name, position)
    prefix, _, named = literal.partition(":")
    for tag, key in tags:
        if prefix == tag and named in [each["name"] for each in found[key]]:
            return {tag: named}
    return {"literal": literal}


def content(content_path, runconfig):
    """(folder, script) of what `publish` was given."""
    script = getattr(runconfig, "script", None)
    if content_path is None:
        return None, script
    if os.path.isfile(content_path):
        whole = absolute(content_path)
        return os.path.dirname(whole), os.path.basename(whole)
    return absolute(content_path), script


def definition(runconfig, name):
    from azureml.pipeline.steps.python_script_step import check_runconfig

    return None if check_runconfig(runconfig, name) is None else runconfig._as_dict()


def compute_name(compute_target, name):
    from azureml.pipeline.core.builder import check_compute_target

    target = check_compute_target(compute_target, name)
    target = target[0] if isinstance(target, tuple) else target
    return target if target is None or isinstance(target, str) else target.name


def warn_of(hash_paths):
    if hash_paths:
        from azureml.pipeline.steps.python_script_step import _warn_hash_paths

        _warn_hash_paths()
