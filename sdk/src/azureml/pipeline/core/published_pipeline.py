"""PublishedPipeline: a pipeline that is run by its id, by whoever may."""

import sys

from azureml._client.client import segment


class PublishedPipeline:
    """A pipeline kept under an id, with a name and a version. Nothing of it changes but its status."""

    def __init__(
        self,
        name,
        graph_id,
        description,
        version,
        published_pipeline_id,
        status,
        endpoint,
        total_run_steps,
        workspace,
        continue_on_step_failure=None,
        _pipeline_provider=None,
        **kwargs,
    ):
        self._name = name
        self._graph_id = graph_id
        self._description = description
        self._version = version
        self._published_pipeline_id = published_pipeline_id
        self._status = status
        self._endpoint = endpoint
        self._total_run_steps = total_run_steps
        self._workspace = workspace
        self._continue_on_step_failure = continue_on_step_failure
        self._url = kwargs.get("_url")

    continue_on_step_failure = property(lambda self: self._continue_on_step_failure)
    description = property(lambda self: self._description)
    endpoint = property(lambda self: self._endpoint)
    graph_id = property(lambda self: self._graph_id)
    id = property(lambda self: self._published_pipeline_id)
    name = property(lambda self: self._name)
    status = property(lambda self: self._status)
    total_run_steps = property(lambda self: self._total_run_steps)
    version = property(lambda self: self._version)

    # --- getting one ------------------------------------------------------------------------------------------------

    @staticmethod
    def get(workspace, id, _workflow_provider=None, _service_endpoint=None):
        """The published pipeline with this id."""
        return PublishedPipeline._of(workspace, workspace._call("GET", "pipelines/" + segment(id)))

    @staticmethod
    def list(workspace, active_only=True, _service_endpoint=None):
        """The workspace's published pipelines, newest first; with active_only False also disabled ones."""
        query = {"status": "Active"} if active_only else {}
        return [PublishedPipeline._of(workspace, dto) for dto in all_of(workspace, "pipelines", query)]

    @staticmethod
    def get_all(workspace, active_only=True, _service_endpoint=None):
        """An old name of list."""
        return PublishedPipeline.list(workspace, active_only)

    @staticmethod
    def _of(workspace, dto):
        return PublishedPipeline(
            dto["name"],
            dto["graph_id"],
            dto["description"],
            dto["version"],
            dto["id"],
            dto["status"],
            dto["endpoint"],
            dto["total_run_steps"],
            workspace,
            dto["continue_on_step_failure"],
            _url=dto["url"],
        )

    @staticmethod
    def _publish(pipeline, name, description, version, continue_on_step_failure):
        from azureml._graph.submission import kept

        return PublishedPipeline._keep(
            pipeline._workspace, kept(pipeline), name, description, version, continue_on_step_failure
        )

    @staticmethod
    def _publish_run(run, name, description, version, continue_on_step_failure):
        status = run.get_status()
        if status != "Finished":
            print(
                "Warning: pipeline run {} has not completed (it is {}). Its pipeline is published all the same.".format(
                    run.id, status
                )
            )
        workspace = run.experiment.workspace
        return PublishedPipeline._keep(
            workspace, {"run_id": run.id}, name, description, version, continue_on_step_failure
        )

    @staticmethod
    def _keep(workspace, body, name, description, version, continue_on_step_failure):
        body = dict(
            body,
            name=name,
            description=description,
            version=version,
            continue_on_step_failure=continue_on_step_failure,
        )
        answer = workspace._call("POST", "pipelines", body)
        for note in answer.get("notes") or ():
            print(note, file=sys.stderr)  # what the script prints may be read by another program
        return PublishedPipeline._of(workspace, answer)

    # --- using it ---------------------------------------------------------------------------------------------------

    def enable(self):
        """It can be submitted."""
        self._set_status("Active")

    def disable(self):
        """It cannot be submitted until it is enabled again."""
        self._set_status("Disabled")

    def _set_status(self, status):
        dto = self._workspace._call("PUT", "pipelines/" + segment(self.id), {"status": status})
        self._status = dto["status"]

    def submit(
        self,
        workspace,
        experiment_name,
        pipeline_parameters=None,
        _workflow_provider=None,
        _service_endpoint=None,
        parent_run_id=None,
        continue_on_step_failure=None,
    ):
        """Submits it to an experiment; its PipelineRun."""
        from azureml.core.experiment import Experiment

        return self._submit(
            Experiment(workspace, experiment_name),
            pipeline_parameters=pipeline_parameters,
            parent_run_id=parent_run_id,
            continue_on_step_failure=continue_on_step_failure,
        )

    def _submit(
        self,
        experiment,
        tags=None,
        pipeline_parameters=None,
        parent_run_id=None,
        continue_on_step_failure=None,
        regenerate_outputs=False,
        display_name=None,
        properties=None,
        **kwargs,
    ):
        """Called by Experiment.submit; what it does not know it ignores, as the original does."""
        from azureml.pipeline.core.pipeline import deprecated_alias

        return submit_by_id(
            experiment,
            "pipelines/{}/runs".format(segment(self.id)),
            tags,
            deprecated_alias(pipeline_parameters, kwargs),
            parent_run_id,
            continue_on_step_failure,
            regenerate_outputs,
            display_name,
            properties,
        )

    # --- looking at it ----------------------------------------------------------------------------------------------

    def get_graph(self, _workflow_provider=None):
        """Its graph, for looking at."""
        from azureml.pipeline.core._graph_view import Graph

        return Graph._of_kept(
            self._workspace, self._workspace._call("GET", "pipelines/{}/graph".format(segment(self.id)))
        )

    def get_step_names(self, _workflow_provider=None):
        """The names of its steps."""
        return self._workspace._call("GET", "pipelines/" + segment(self.id))["steps"]

    def save(self, path=None, _workflow_provider=None):
        """Writes it as YAML to a file, or into a folder (default: the working one) as <name>.yml."""
        self.get_graph()._save(path, self.name, self.name, self.description)

    @property
    def portal_url(self):
        return self.get_portal_url()

    def get_portal_url(self):
        """Its page in the studio."""
        return self._url or self._endpoint

    def __repr__(self):
        return "Pipeline(Name: {},\nId: {},\nStatus: {},\nEndpoint: {})".format(
            self.name, self.id, self.status, self.endpoint
        )

    def _repr_html_(self):
        from azureml._runs.html import table

        return table(
            [
                ("Name", self.name, None),
                ("Id", self.id, self.get_portal_url()),
                ("Status", self.status, None),
                ("Endpoint", "REST Endpoint", self.endpoint),
            ]
        )


def all_of(workspace, collection, query, most=None):
    """The objects of a collection, page by page."""
    found, cursor = [], None
    while True:
        answer = workspace._call(
            "GET", collection, None, dict(query, limit=1000, **({"cursor": cursor} if cursor else {}))
        )
        found.extend(answer["value"])
        cursor = answer.get("next")
        if not cursor or (most is not None and len(found) >= most):
            return found[:most]


def submit_by_id(experiment, path, tags, parameters, parent_run_id, continue_on_step_failure, regenerate_outputs,
                 display_name, properties, **more):  # fmt: skip
    """The PipelineRun of what is kept at `path`."""
    from azureml._graph.submission import submit_kept

    options = {
        "tags": tags,
        "parameters": parameters or {},
        "parent_run_id": parent_run_id,
        "continue_on_step_failure": continue_on_step_failure,
        "regenerate_outputs": bool(regenerate_outputs),
        "display_name": display_name,
        "properties": properties,
    }
    return submit_kept(experiment.workspace, path, experiment.name, dict(options, **more))
