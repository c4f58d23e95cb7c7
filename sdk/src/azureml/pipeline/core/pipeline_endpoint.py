"""PipelineEndpoint: a stable name over versions of published pipelines."""

from azureml.pipeline.core._not_built import not_built


class PipelineEndpoint:
    """Versions of a published pipeline under one name."""

    def __init__(
        self, workspace, id, name, description, status, default_version, endpoint, pipeline_version_list, **kwargs
    ):
        self._workspace = workspace
        self._id = id
        self._name = name
        self._description = description
        self._status = status
        self._default_version = default_version
        self._endpoint = endpoint
        self._pipeline_version_list = pipeline_version_list

    default_version = property(lambda self: self._default_version)
    description = property(lambda self: self._description)
    endpoint = property(lambda self: self._endpoint)
    id = property(lambda self: self._id)
    name = property(lambda self: self._name)
    pipeline_version_list = property(lambda self: self._pipeline_version_list)
    status = property(lambda self: self._status)

    def add(self, pipeline):
        return not_built("PipelineEndpoint.add")

    def add_default(self, pipeline):
        return not_built("PipelineEndpoint.add_default")

    def archive(self):
        return not_built("PipelineEndpoint.archive")

    def disable(self):
        return not_built("PipelineEndpoint.disable")

    def enable(self):
        return not_built("PipelineEndpoint.enable")

    @staticmethod
    def get(workspace, id=None, name=None):
        return not_built("PipelineEndpoint.get")

    @staticmethod
    def get_all(workspace, active_only=True):
        return not_built("PipelineEndpoint.get_all")

    def get_all_pipelines(self, active_only=True):
        return not_built("PipelineEndpoint.get_all_pipelines")

    def get_all_versions(self):
        return not_built("PipelineEndpoint.get_all_versions")

    def get_default_version(self):
        return not_built("PipelineEndpoint.get_default_version")

    def get_pipeline(self, version=None):
        return not_built("PipelineEndpoint.get_pipeline")

    @staticmethod
    def list(workspace, active_only=True, max_results=100):
        return not_built("PipelineEndpoint.list")

    def list_pipelines(self, active_only=True):
        return not_built("PipelineEndpoint.list_pipelines")

    def list_versions(self):
        return not_built("PipelineEndpoint.list_versions")

    @staticmethod
    def publish(workspace, name, description, pipeline):
        return not_built("PipelineEndpoint.publish")

    def reactivate(self, name):
        return not_built("PipelineEndpoint.reactivate")

    def set_default(self, pipeline):
        return not_built("PipelineEndpoint.set_default")

    def set_default_version(self, version):
        return not_built("PipelineEndpoint.set_default_version")

    def set_name(self, name):
        return not_built("PipelineEndpoint.set_name")

    def submit(self, experiment_name, pipeline_parameters=None, parent_run_id=None, pipeline_version=None):
        return not_built("PipelineEndpoint.submit")


class PipelineVersion:
    """A version and its published pipeline."""

    def __init__(self, version, pipeline, **kwargs):
        self._version = version
        self._pipeline = pipeline

    pipeline = property(lambda self: self._pipeline)
    version = property(lambda self: self._version)


class PipelineIdVersion:
    """A version and the id of its published pipeline."""

    def __init__(self, version, pipeline_id, **kwargs):
        self._version = version
        self._pipeline_id = pipeline_id

    pipeline_id = property(lambda self: self._pipeline_id)
    version = property(lambda self: self._version)
