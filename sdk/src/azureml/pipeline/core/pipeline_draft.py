"""PipelineDraft: a pipeline that is still being changed. What it was made from is never changed with it."""

from azureml._client.client import segment


class PipelineDraft:
    """A submission that is kept to be changed and submitted again."""

    def __init__(
        self,
        workspace,
        id,
        name=None,
        description=None,
        experiment_name=None,
        tags=None,
        properties=None,
        graph_draft_id=None,
        parent_pipeline_id=None,
        parent_pipeline_run_id=None,
        parent_step_run_ids=None,
        parent_pipeline_draft_id=None,
        last_submitted_pipeline_run_id=None,
        **kwargs,
    ):
        self._workspace = workspace
        self._id = id
        self._name = name
        self._description = description
        self._experiment_name = experiment_name
        self._tags = tags
        self._properties = properties
        self._graph_draft_id = graph_draft_id
        self._parent_pipeline_id = parent_pipeline_id
        self._parent_pipeline_run_id = parent_pipeline_run_id
        self._parent_step_run_ids = parent_step_run_ids
        self._parent_pipeline_draft_id = parent_pipeline_draft_id
        self._last_submitted_pipeline_run_id = last_submitted_pipeline_run_id

    description = property(lambda self: self._description)
    id = property(lambda self: self._id)
    last_submitted_pipeline_run_id = property(lambda self: self._last_submitted_pipeline_run_id)
    name = property(lambda self: self._name)
    parent_pipeline_draft_id = property(lambda self: self._parent_pipeline_draft_id)
    parent_pipeline_id = property(lambda self: self._parent_pipeline_id)
    parent_pipeline_run_id = property(lambda self: self._parent_pipeline_run_id)
    parent_step_run_ids = property(lambda self: self._parent_step_run_ids)
    properties = property(lambda self: self._properties)
    tags = property(lambda self: self._tags)

    @classmethod
    def _of(cls, workspace, dto):
        return cls(
            workspace,
            dto["id"],
            dto["name"],
            dto.get("description"),
            dto.get("experiment"),
            dto.get("tags") or {},
            dto.get("properties") or {},
            None,
            dto.get("parent_pipeline_id"),
            dto.get("parent_pipeline_run_id"),
            dto.get("parent_step_run_ids") or [],
            dto.get("parent_pipeline_draft_id"),
            dto.get("last_submitted_pipeline_run_id"),
        )

    # --- making and finding -----------------------------------------------------------------------------------------

    @staticmethod
    def create(
        workspace,
        pipeline,
        name=None,
        description=None,
        experiment_name=None,
        pipeline_parameters=None,
        continue_on_step_failure=None,
        tags=None,
        properties=None,
        _workflow_provider=None,
        _service_endpoint=None,
    ):
        """A draft of a Pipeline, PublishedPipeline, PipelineRun or PipelineDraft.

        Of a run or a draft it takes the values of the parameters and the experiment, too, unless others are given.
        """
        given = _given(
            workspace,
            name or getattr(pipeline, "name", None) or getattr(pipeline, "description", None) or "Pipeline draft",
            description,
            experiment_name,
            pipeline_parameters,
            continue_on_step_failure,
            tags,
        )
        given["properties"] = _texts(properties)
        return PipelineDraft._of(workspace, _send(workspace, "POST", "drafts", dict(_origin(pipeline), **given)))

    @staticmethod
    def get(workspace, id, _workflow_provider=None, _service_endpoint=None):
        """The draft with this id."""
        return PipelineDraft._of(workspace, workspace._call("GET", _place(id)))

    @staticmethod
    def list(workspace, tags=None, _workflow_provider=None):
        """The workspace's drafts, newest first; of these tags: a dict of values, or the name of one."""
        wanted = {tags: None} if isinstance(tags, str) else (tags or {})
        found = [PipelineDraft._of(workspace, dto) for dto in workspace._call("GET", "drafts")["value"]]
        return [
            draft
            for draft in found
            if all(k in draft.tags and (v is None or draft.tags[k] == str(v)) for k, v in wanted.items())
        ]

    # --- changing ---------------------------------------------------------------------------------------------------

    def update(
        self,
        pipeline=None,
        name=None,
        description=None,
        experiment_name=None,
        tags=None,
        pipeline_parameters=None,
        continue_on_step_failure=None,
        _workflow_provider=None,
    ):
        """Changes what is given; the rest stays. The values of the parameters must fit the pipeline that it then has."""
        given = _given(
            self._workspace, name, description, experiment_name, pipeline_parameters, continue_on_step_failure, tags
        )
        if pipeline is not None:
            given.update(_origin(pipeline))
        self._take(_send(self._workspace, "PUT", _place(self.id), given))

    def delete(self, _workflow_provider=None):
        """Removes the draft; its runs, and what was published from it, stay."""
        self._workspace._call("DELETE", _place(self.id))

    def _take(self, dto):
        self.__dict__.update(PipelineDraft._of(self._workspace, dto).__dict__)

    # --- using ------------------------------------------------------------------------------------------------------

    def submit_run(self, _workflow_provider=None):
        """Submits it to its experiment; the PipelineRun."""
        from azureml.core.experiment import Experiment

        self._take(self._workspace._call("GET", _place(self.id)))
        if not self._experiment_name:
            from azureml.exceptions import UserErrorException

            raise UserErrorException(
                "The draft '{}' has no experiment. Give it one: draft.update(experiment_name='…').".format(self.name)
            )
        return self._submit(Experiment(self._workspace, self._experiment_name))

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
        from azureml.pipeline.core.published_pipeline import submit_by_id

        run = submit_by_id(
            experiment,
            _place(self.id) + "/runs",
            tags,
            deprecated_alias(pipeline_parameters, kwargs),
            parent_run_id,
            continue_on_step_failure,
            regenerate_outputs,
            display_name,
            properties,
        )
        self._last_submitted_pipeline_run_id = run.id
        return run

    def publish(self, _workflow_provider=None):
        """A PublishedPipeline of the draft as it is now: later changes to the draft change nothing of it."""
        from azureml.pipeline.core.published_pipeline import PublishedPipeline

        return PublishedPipeline._of(self._workspace, self._workspace._call("POST", "pipelines", {"draft_id": self.id}))

    def get_graph(self, _workflow_provider=None):
        """Its graph, for looking at."""
        from azureml.pipeline.core._graph_view import Graph

        return Graph._of_kept(self._workspace, self._workspace._call("GET", _place(self.id))["graph"])

    def save(self, path=None, _workflow_provider=None):
        """Writes it as YAML to a file, or into a folder (default: the working one) as <name>.yml; Pipeline.load_yaml reads it."""
        self.get_graph()._save(path, self.name or "pipeline", self.name, self.description)

    def __repr__(self):
        return "PipelineDraft(Name: {},\nId: {})".format(self.name, self.id)

    def _repr_html_(self):
        from azureml._runs.html import table

        return table([("Name", self.name, None), ("Id", self.id, None)])


def _place(draft_id):
    return "drafts/" + segment(draft_id)


def _origin(pipeline):
    """What a draft is made from, as the server takes it."""
    from azureml.pipeline.core.pipeline import Pipeline
    from azureml.pipeline.core.published_pipeline import PublishedPipeline
    from azureml.pipeline.core.run import PipelineRun

    if isinstance(pipeline, Pipeline):
        from azureml._graph.submission import kept

        return kept(pipeline)
    for known, key in ((PublishedPipeline, "pipeline_id"), (PipelineRun, "run_id"), (PipelineDraft, "draft_id")):
        if isinstance(pipeline, known):
            return {key: pipeline.id}
    raise ValueError(
        "A draft is made from a Pipeline, a PublishedPipeline, a PipelineRun or a PipelineDraft, not from {}.".format(
            type(pipeline).__name__
        )
    )


def _given(workspace, name, description, experiment_name, parameters, continue_on_step_failure, tags):
    """What is to be kept of these, as JSON; None is left out."""
    from azureml._graph.submission import as_json, named_values

    said = {
        "name": name,
        "description": description,
        "experiment": experiment_name,
        "continue_on_step_failure": continue_on_step_failure,
        "tags": _texts(tags),
    }
    if parameters is not None:
        said["parameters"] = {k: as_json(workspace, v) for k, v in named_values(parameters).items()}
    return {k: v for k, v in said.items() if v is not None}


def _texts(labels):
    return None if labels is None else {str(k): "" if v is None else str(v) for k, v in labels.items()}


def _send(workspace, method, place, body):
    from azureml._graph.submission import sent

    return sent(workspace, method, place, {k: v for k, v in body.items() if v is not None})
