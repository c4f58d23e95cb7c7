"""PublishedPipeline: a pipeline that is run by its id."""

from azureml.pipeline.core._not_built import not_built


class PublishedPipeline:
    """A pipeline kept under an id, a name and a version."""

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

    continue_on_step_failure = property(lambda self: self._continue_on_step_failure)
    description = property(lambda self: self._description)
    endpoint = property(lambda self: self._endpoint)
    graph_id = property(lambda self: self._graph_id)
    id = property(lambda self: self._published_pipeline_id)
    name = property(lambda self: self._name)
    status = property(lambda self: self._status)
    total_run_steps = property(lambda self: self._total_run_steps)
    version = property(lambda self: self._version)

    def disable(self):
        return not_built("PublishedPipeline.disable")

    def enable(self):
        return not_built("PublishedPipeline.enable")

    @staticmethod
    def get(workspace, id):
        return not_built("PublishedPipeline.get")

    @staticmethod
    def get_all(workspace, active_only=True):
        return not_built("PublishedPipeline.get_all")

    def get_graph(self):
        return not_built("PublishedPipeline.get_graph")

    def get_step_names(self):
        return not_built("PublishedPipeline.get_step_names")

    @staticmethod
    def list(workspace, active_only=True):
        return not_built("PublishedPipeline.list")

    def save(self, path=None):
        return not_built("PublishedPipeline.save")

    def submit(
        self, workspace, experiment_name, pipeline_parameters=None, parent_run_id=None, continue_on_step_failure=None
    ):
        return not_built("PublishedPipeline.submit")

    @staticmethod
    def _publish(pipeline, name, description, version, continue_on_step_failure):
        return not_built("Pipeline.publish")

    @property
    def portal_url(self):
        return self._endpoint

    def get_portal_url(self):
        return self._endpoint

    def __repr__(self):
        return "Pipeline(Name: {},\nId: {},\nStatus: {},\nEndpoint: {})".format(
            self.name, self.id, self.status, self.endpoint
        )
