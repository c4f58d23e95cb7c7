"""PipelineDraft: a pipeline that is still being changed."""

from azureml.pipeline.core._not_built import not_built


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
    ):
        return not_built("PipelineDraft.create")

    def delete(self):
        return not_built("PipelineDraft.delete")

    @staticmethod
    def get(workspace, id):
        return not_built("PipelineDraft.get")

    def get_graph(self):
        return not_built("PipelineDraft.get_graph")

    @staticmethod
    def list(workspace, tags=None):
        return not_built("PipelineDraft.list")

    def publish(self):
        return not_built("PipelineDraft.publish")

    def save(self, path=None):
        return not_built("PipelineDraft.save")

    def submit_run(self):
        return not_built("PipelineDraft.submit_run")

    def update(
        self,
        pipeline=None,
        name=None,
        description=None,
        experiment_name=None,
        tags=None,
        pipeline_parameters=None,
        continue_on_step_failure=None,
    ):
        return not_built("PipelineDraft.update")
