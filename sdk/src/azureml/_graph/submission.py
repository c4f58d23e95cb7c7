"""One submission: lower for real, post, print what the original prints. What is sent is written down in docs/graph.md."""

import json
import os
import sys

from azureml._graph.repository import ask_dirty, git_properties
from azureml._graph.scope import Scope

LONG_GRAPH = 100000  # characters: some two hundred steps. A shorter one is sent in less time than a server is asked.


def submit(pipeline, experiment, options):
    """The PipelineRun of a submission of `pipeline`; UserErrorException with every problem when it cannot run."""
    lowered, answer = send(pipeline, experiment, options)
    announce(lowered, answer)
    from azureml.pipeline.core.run import PipelineRun

    run = PipelineRun(experiment, answer["run"]["id"], _run=answer["run"])
    names = {node_id: step.name for node_id, step in lowered.steps}
    run._step_names = {step["run_id"]: names[step["node"]] for step in answer.get("steps") or ()}
    run._all_stand = bool(answer.get("all_stand"))
    return run


def kept(pipeline):
    """`{"graph", "interpreter"}` of a pipeline as the server can keep it: folders uploaded, datasets saved."""
    refuse(pipeline._lower_dry())
    lowered = pipeline._lower_whole(*keepers(pipeline._workspace))
    return {"graph": lowered.graph, "interpreter": interpreter()}


def send(pipeline, experiment, options):
    """(what was lowered, the server's answer)."""
    workspace = experiment.workspace
    snapshot_of, dataset_id_of = keepers(workspace)
    dry = pipeline._lower_dry()
    if pipeline._sent is None:
        refuse(dry)
    folder = _folder_of(dry)
    asked = ask_dirty(folder)
    try:
        parameters = assigned(dry.parameters, options["parameters"], Scope(None, snapshot_of, dataset_id_of))
        lowered = dry.filled(snapshot_of) or pipeline._lower_whole(snapshot_of, dataset_id_of)
    finally:
        facts = git_properties(folder, asked)
    graph = _Sent.of(lowered.graph, pipeline._sent)
    if pipeline._sent is not None and pipeline._sent.text != graph.text:  # what was found sound is so still
        refuse(dry)
    pipeline._sent = graph
    body = dict(options, experiment=experiment.name, parameters=parameters)
    body["tags"] = {str(k): "" if v is None else str(v) for k, v in options["tags"].items()}
    body["properties"] = dict(facts, **options["properties"])
    body["idempotency_key"] = os.urandom(16).hex()
    body["interpreter"] = interpreter()
    return lowered, _post_graph(workspace, body, graph)


class _Sent:
    """A graph as it is sent: its text, and of a long one the digest of that."""

    def __init__(self, graph):
        self._graph, self._image = graph, None
        self.text = json.dumps(graph, separators=(",", ":"), check_circular=False)  # made here, so it has no circles
        self.digest = None
        if len(self.text) >= LONG_GRAPH:
            import hashlib

            self.digest = hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def of(cls, graph, last):
        """This graph; `last` itself if it is the same, as in a sweep over parameters: to make its text again would take longer than to see so."""
        if last is None or last.digest is None:
            return cls(graph)
        import marshal

        try:
            image = marshal.dumps(graph, 2)  # the same for the same values of the same types
            if last._image is None:
                last._graph, last._image = None, marshal.dumps(last._graph, 2)
        except ValueError:  # there is something of a class of its own in it
            return cls(graph)
        return last if image == last._image else cls(graph)


def _post_graph(workspace, body, graph):
    """The answer to a submission. A long graph is named by its digest first: the server has it if it was ever submitted."""
    if graph.digest is not None:
        from azureml.exceptions import UserErrorException

        try:
            return post(workspace, dict(body, graph_digest=graph.digest))
        except UserErrorException as error:
            if error.code != "UnknownGraph":
                raise
    return post(workspace, dict(body, graph=graph.text))


def plan(pipeline, parameters, regenerate_outputs):
    """The server's answer on what a submission of `pipeline` would run."""
    workspace = pipeline._workspace
    snapshot_of, dataset_id_of = keepers(workspace)
    dry = pipeline._lower_dry()
    refuse(dry)
    values = assigned(dry.parameters, parameters, Scope(None, snapshot_of, dataset_id_of))
    lowered = pipeline._lower_whole(snapshot_of, dataset_id_of)
    body = {"graph": lowered.graph, "parameters": values, "regenerate_outputs": regenerate_outputs}
    return workspace._call("POST", "plan", dict(body, interpreter=interpreter()))


def keepers(workspace):
    """What uploads a source folder once and gives its digest; what saves a dataset and gives its id."""
    snapshots = {}

    def snapshot_of(folder):
        if folder not in snapshots:
            from azureml._client.snapshot import upload

            snapshots[folder] = upload(workspace, folder)
        return snapshots[folder]

    def dataset_id_of(dataset):
        return dataset._saved_id(workspace)

    return snapshot_of, dataset_id_of


def refuse(lowered):
    """UserErrorException naming every problem of the graph; nothing when there is none."""
    from azureml.pipeline.core.pipeline import _problems

    problems = _problems(lowered)
    if lowered.cycle is not None:
        from azureml._graph.validate import cycle_names

        path = " -> ".join(cycle_names(lowered.graph))
        problems[0] += ". They wait for each other: {}. Take away what makes one of them wait.".format(path)
    if problems:
        raise invalid_pipeline("The pipeline cannot be submitted:\n" + "\n".join("  - " + p for p in problems))


def invalid_pipeline(message, **facts):
    """An error that code waiting for ValueError (the original's) and code waiting for UserErrorException both catch."""
    from azureml.exceptions import UserErrorException

    class InvalidPipelineError(UserErrorException, ValueError):
        pass

    return InvalidPipelineError(message, code="InvalidGraph", **facts)


def assigned(parameters, values, scope):
    """The values given at submission as the server takes them, each checked against its parameter's type."""
    lowered = {}
    for name, value in named_values(values).items():
        parameter = parameters.get(name)
        if parameter is None:
            has = ", ".join(parameters) or "none"
            raise Exception("Pipeline parameter with name {} does not exist. This pipeline has: {}.".format(name, has))
        lowered[name] = parameter._assigned(value, scope)
    return lowered


def named_values(values):
    """The values of pipeline parameters by name; ValueError for what is no dict of them."""
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(
            "pipeline_parameters must be a dict of names and values, but is {!r}. Give {{'name': value}}.".format(
                values
            )
        )
    return values


def interpreter():
    """The interpreter that the steps run in unless their environment says otherwise: the author's own."""
    import azureml

    return {
        "executable": sys.executable,
        "version": "{}.{}.{}".format(*sys.version_info[:3]),
        "sdk_path": os.path.dirname(os.path.dirname(os.path.abspath(azureml.__file__))),
        "prefix": sys.prefix,
    }


def submit_kept(workspace, path, experiment_name, options):
    """The PipelineRun of something that the server keeps, by the `path` of its runs; prints what a submission prints."""
    body = {k: v for k, v in options.items() if v is not None}
    body["experiment"] = experiment_name
    body["idempotency_key"] = os.urandom(16).hex()
    body["parameters"] = {k: as_json(workspace, v) for k, v in named_values(options.get("parameters")).items()}
    if options.get("tags"):
        body["tags"] = {str(k): "" if v is None else str(v) for k, v in options["tags"].items()}
    answer = post(workspace, body, path)
    _announce_run(answer)
    from azureml.core.experiment import Experiment
    from azureml.pipeline.core.run import PipelineRun

    experiment = Experiment(workspace, experiment_name, _create_in_cloud=False)
    return PipelineRun(experiment, answer["run"]["id"], _run=answer["run"])


def as_json(workspace, value):
    """A value of a parameter as the server takes it: a DataPath, a dataset, or a plain one."""
    if isinstance(value, tuple) and value and hasattr(value[0], "_is_datapath"):
        value = value[0]  # with its DataPathComputeBinding
    if hasattr(value, "_is_datapath"):
        return value._lower()
    if hasattr(value, "_saved_id"):
        return {"dataset": value._saved_id(workspace)}
    return value


def post(workspace, body, path="runs"):
    """POST a submission. It has a key: sent again because the connection broke, it gives the run of the first."""
    return sent(workspace, "POST", path, body)


def sent(workspace, method, path, body):
    """The server's answer; what is wrong with a graph is an error that is a ValueError, too."""
    from azureml.exceptions import UserErrorException

    try:
        return workspace._call(method, path, body)
    except UserErrorException as error:
        if getattr(error, "code", None) == "InvalidGraph" and not isinstance(error, ValueError):
            raise invalid_pipeline(error.message, status_code=error.status_code, details=error.details) from None
        raise


def announce(lowered, answer):
    """The lines that the original prints at a submission, in its order; people read and parse them."""
    names = {node_id: step.name for node_id, step in lowered.steps}
    will = {
        True: "This step is eligible to reuse a previous run's output",
        False: "This step will run and generate new outputs",
    }
    steps = answer.get("steps") or ()
    lines = [
        "Created step {} [{}][{}], ({})".format(
            names.get(step["node"], step["node"]), step["node"], step["module_id"], will[bool(step.get("reusable"))]
        )
        for step in steps
    ]
    if lines:
        print("\n".join(lines))
    reusing = {step["node"] for step in steps if step.get("reusable")}
    for name, node_id, data_id, consumers in data_references(lowered.graph):
        form = (
            "Using data reference {} for StepId [{}][{}], (Consumers of this data are eligible to reuse prior runs.)"
            if consumers <= reusing
            else "Created data reference {} for StepId [{}][{}], (Consumers of this data will generate new runs.)"
        )
        print(form.format(name, node_id, data_id))
    _announce_run(answer)


def _announce_run(answer):
    for note in answer.get("notes") or ():
        print(note)
    run = answer["run"]
    print("Submitted PipelineRun {}".format(run["id"]))
    print("Link to Azure Machine Learning Portal: {}".format(run.get("url") or ""))


def data_references(graph):
    """(name, 8 hex digits, id, the nodes that read it) of each data reference of the graph, once."""
    from zlib import crc32

    seen = {}
    for node in graph["nodes"]:
        for port in node["inputs"]:
            source = port["source"]
            if "datastore" not in source:
                continue
            key = "{}\0{}\0{}".format(port["name"], source["datastore"], source.get("path"))
            if key not in seen:
                digits = ["%08x" % crc32((str(n) + key).encode("utf-8")) for n in range(5)]
                long_id = "{0}-{1}-{2}-{3}-{4}{5}".format(
                    digits[1], digits[2][:4], digits[2][4:], digits[3][:4], digits[3][4:], digits[4]
                )
                seen[key] = (port["name"], digits[0], long_id, set())
            seen[key][3].add(node["id"])
    return list(seen.values())


def _folder_of(lowered):
    for _, step in lowered.steps:
        code = step._code(os.getcwd())
        if code is not None:
            return code[0]
    return os.getcwd()
