"""Which class a run is, and finding runs through the API. Knows the API's types and the public ones."""

TERMINAL = frozenset(("Completed", "Failed", "Canceled"))
_PUBLIC = {"pipeline": "azureml.PipelineRun", "step": "azureml.StepRun", "interactive": None}
_API_TYPES = {
    "azureml.pipelinerun": "pipeline",
    "pipelinerun": "pipeline",
    "pipeline": "pipeline",
    "azureml.steprun": "step",
    "steprun": "step",
    "step": "step",
    "azureml.scriptrun": "interactive",
    "interactive": "interactive",
}


def public_type(dto):
    """The type as the original names it: azureml.PipelineRun, azureml.StepRun, or None for a run that its caller drives."""
    if is_script(dto):
        return "azureml.scriptrun"
    kind = dto.get("type")
    return _PUBLIC.get(kind, kind)


def is_script(dto):
    """Whether the run is that of a script that was submitted by itself: a plain run, though the server runs it as a step."""
    return dto.get("type") == "step" and dto.get("step_type") == "ScriptRun"


def run_of(workspace, dto, experiment=None):
    """The run that the server described, as the class of its type."""
    from azureml.core.run import Run

    if experiment is None or experiment.name != dto["experiment"]:
        experiment = _experiment(workspace, dto["experiment"])
    provider = Run._type_providers.get(public_type(dto))
    if provider is not None:
        return provider(experiment, dto)
    if dto["type"] == "pipeline":
        from azureml.pipeline.core.run import PipelineRun

        return PipelineRun(experiment, dto["id"], _run=dto)
    if dto["type"] == "step" and not is_script(dto):
        from azureml.pipeline.core.run import StepRun

        return StepRun(experiment, dto["id"], dto.get("root_id"), dto.get("node"), _run=dto)
    return Run(experiment, dto["id"], _run=dto)


def _experiment(workspace, name):
    from azureml.core.experiment import Experiment

    return Experiment(workspace, name, _skip_name_validation=True, _create_in_cloud=False)


def find_runs(workspace, experiment, type=None, tags=None, properties=None, **wanted):
    """Runs newest first, fetched a page at a time as they are asked for."""
    query = {k: int(v) if isinstance(v, bool) else v for k, v in wanted.items() if v}
    query["scripts"] = 1
    if experiment is not None:
        query["experiment"] = experiment.name
    if type is not None:
        query["type"] = _API_TYPES.get(str(type).lower(), str(type))
    for prefix, labels in (("tag.", tags), ("property.", properties)):
        for key, value in _pairs(labels):
            query[prefix + key] = "" if value is None else str(value)
    while True:
        page = workspace._call("GET", "runs", None, query)
        for dto in page["value"]:
            yield run_of(workspace, dto, experiment)
        if not page.get("next"):
            return
        query = dict(query, cursor=page["next"])


def _pairs(labels):
    """(key, value or None) of a dictionary of labels, or of one key that must be there."""
    if labels is None:
        return []
    if isinstance(labels, str):
        return [(labels, None)]
    return [(str(k), v) for k, v in labels.items()]


def children_of(run, recursive, tags, properties, type, status):
    """The runs below `run` in start order, depth first when recursive."""
    workspace = run._workspace
    answer = workspace._call("GET", "runs/{}/children".format(run.id), None, {"scripts": 1})
    for dto in answer["value"] if isinstance(answer, dict) else answer:
        child = run_of(workspace, dto, run.experiment)
        if _fits(dto, tags, properties, type, status):
            yield child
        if recursive:
            for below in children_of(child, True, tags, properties, type, status):
                yield below


def _fits(dto, tags, properties, type, status):
    kind = "interactive" if is_script(dto) else dto["type"]
    if type is not None and kind != _API_TYPES.get(str(type).lower(), str(type)):
        return False
    if status is not None and dto["status"] != status:
        return False
    for field, wanted in (("tags", tags), ("properties", properties)):
        for key, value in _pairs(wanted):
            has = dto.get(field) or {}
            if key not in has or (value is not None and has[key] != str(value)):
                return False
    return True


def start_interactive(experiment, name=None, run_id=None, parent_id=None, tags=None, properties=None):
    """A new run that the caller drives; it is Running."""
    import uuid

    from azureml._client.process import this_process
    from azureml._runs.observed import made_run
    from azureml.core.run import Run

    body = {"experiment": experiment.name, "id": run_id, "name": name, "parent_id": parent_id}
    if run_id is None:
        body["id"] = body["key"] = str(uuid.uuid4())  # the same run when it has to be sent again
    body["owner"] = this_process()
    body["tags"] = {str(k): "" if v is None else str(v) for k, v in (tags or {}).items()}
    body["properties"] = {str(k): str(v) for k, v in (properties or {}).items()}
    dto = experiment.workspace._call("POST", "interactive_runs", {k: v for k, v in body.items() if v is not None})
    made_run(dto["id"])
    return Run(experiment, dto["id"], _run=dto)
