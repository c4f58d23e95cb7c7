"""get_details(): the run as the dictionary that the original gives, in its spelling."""


def details(run):
    """runId, target, status, times, properties, datasets, logs, warnings, error."""
    return details_of(run, run._refresh())


def details_of(run, dto):
    """The same from what the server said of the run."""
    found = {
        "runId": dto["id"],
        "target": dto.get("target"),
        "status": dto["status"],
        "startTimeUtc": dto.get("started_at"),
        "endTimeUtc": dto.get("ended_at"),
        "services": {},
    }
    if dto.get("warnings"):
        found["warnings"] = [{"source": dto.get("name"), "message": text} for text in dto["warnings"]]
    if dto.get("error"):
        found["error"] = {"error": dto["error"]}
    node = _node(run, dto)
    found["properties"] = dto.get("properties") or {}
    found["inputDatasets"] = _inputs(run, node)
    found["outputDatasets"] = _outputs(run, node)
    found["runDefinition"] = (node or {}).get("run_definition") or {}
    found["logFiles"] = {f["name"]: run._client.url + "/api/v1" + run._files_path(f["name"]) for f in _logs(run, dto)}
    found["submittedBy"] = (dto.get("properties") or {}).get("azureml.submittedBy", "")
    return found


def _logs(run, dto):
    if dto["type"] == "pipeline":
        return []
    return [f for f in run._files() if f["name"].split("/")[0] in ("azureml-logs", "logs", "user_logs")]


def _node(run, dto):
    """The graph's node that a step run is a run of."""
    if dto["type"] != "step" or not dto.get("node"):
        return None
    graph = _graph_of_root(run, dto)
    return next((n for n in graph.get("nodes") or [] if n["id"] == dto["node"]), None)


def _graph_of_root(run, dto):
    from azureml._client.client import segment

    graphs, root = run._workspace._graphs, dto["root_id"]
    if root not in graphs:
        graphs.clear()  # one is enough: a wait asks for the same one again and again
        graphs[root] = run._call("GET", "runs/{}/graph".format(segment(root)))
    return graphs[root]


def _outputs(run, node):
    """The datasets that the step left, each as its run wrote it (or registered it)."""
    if not any(_is_dataset(port) for port in (node or {}).get("outputs") or []):
        return []
    from azureml.core.dataset import Dataset
    from azureml.core.run import _listed, _segment

    found = []
    for left in _listed(run._call("GET", "runs/{}/datasets".format(_segment(run.id)))):
        dataset = (
            Dataset.get_by_name(run._workspace, left["name"], left["version"])
            if left.get("name")
            else Dataset.get_by_id(run._workspace, left["dataset"])
        )
        found.append(
            {
                "identifier": {"savedId": left["dataset"]},
                "outputType": "RunOutput",
                "outputDetails": {"outputName": left["output"]},
                "dataset": dataset,
            }
        )
    return found


def _is_dataset(port):
    return port.get("reference") == "dataset" or port.get("as_dataset") or port.get("register")


def _inputs(run, node):
    found = []
    for port in (node or {}).get("inputs") or []:
        dataset_id = (port.get("source") or {}).get("dataset")
        if dataset_id:
            from azureml.core.dataset import Dataset

            found.append(
                {
                    "dataset": Dataset.get_by_id(run._workspace, dataset_id),
                    "consumptionDetails": {
                        "type": "RunInput",
                        "inputName": port["name"],
                        "mechanism": (port.get("mode") or "direct").capitalize(),
                    },
                }
            )
    return found
