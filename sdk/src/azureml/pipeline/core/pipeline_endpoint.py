"""PipelineEndpoint: a name and URL that stay, over versions that are published pipelines."""

from azureml._client.client import segment
from azureml.pipeline.core.published_pipeline import PublishedPipeline, all_of, submit_by_id


class PipelineEndpoint:
    """Versions '0', '1', … of a pipeline under one name; one of them is the default."""

    def __init__(
        self,
        workspace,
        id,
        name,
        description,
        status,
        default_version,
        endpoint,
        pipeline_version_list,
        _pipeline_endpoint_provider=None,
        _published_pipeline_provider=None,
        _swaggerurl=None,
        **kwargs,
    ):
        self._workspace = workspace
        self._id = id
        self._name = name
        self._description = description
        self._status = status
        self._default_version = default_version
        self._endpoint = endpoint
        self._pipeline_version_list = pipeline_version_list
        self._swaggerurl = _swaggerurl

    default_version = property(lambda self: self._default_version)
    description = property(lambda self: self._description)
    endpoint = property(lambda self: self._endpoint)
    id = property(lambda self: self._id)
    name = property(lambda self: self._name)
    pipeline_version_list = property(lambda self: list(self._pipeline_version_list))
    status = property(lambda self: self._status)
    swaggerurl = property(lambda self: self._swaggerurl)

    # --- getting one ------------------------------------------------------------------------------------------------

    @staticmethod
    def publish(workspace, name, description, pipeline, _workflow_provider=None, _service_endpoint=None):
        """An endpoint whose version '0' is `pipeline`: a PublishedPipeline, or a Pipeline, which is published first."""
        body = {"name": name, "description": description}
        if workspace_has(workspace, name):
            raise ValueError(
                "There is a pipeline endpoint {!r} in this workspace already. Choose another name.".format(name)
            )
        published = _published(pipeline, name, description)
        return PipelineEndpoint._of(
            workspace, workspace._call("POST", "endpoints", dict(body, pipeline_id=published.id))
        )

    @staticmethod
    def get(workspace, id=None, name=None, _workflow_provider=None, _service_endpoint=None):
        """The endpoint with this id or name."""
        if id is not None:
            return PipelineEndpoint._of(workspace, workspace._call("GET", "endpoints/" + segment(id)))
        if name is None:
            raise Exception("Either the id or the name of the pipeline endpoint must be given.")
        return PipelineEndpoint._of(workspace, workspace._call("GET", "endpoints", None, {"name": name})["value"][0])

    @staticmethod
    def list(workspace, active_only=True, max_results=100, _workflow_provider=None, _service_endpoint=None):
        """The workspace's endpoints, newest first, at most max_results."""
        query = {"status": "Active"} if active_only else {}
        return [PipelineEndpoint._of(workspace, dto) for dto in all_of(workspace, "endpoints", query, max_results)]

    @staticmethod
    def get_all(workspace, active_only=True, _workflow_provider=None, _service_endpoint=None):
        """An old name of list."""
        return PipelineEndpoint.list(workspace, active_only, None)

    @classmethod
    def _of(cls, workspace, dto):
        return cls(
            workspace,
            dto["id"],
            dto["name"],
            dto["description"],
            dto["status"],
            dto["default_version"],
            dto["endpoint"],
            [PipelineIdVersion(v["version"], v["pipeline_id"]) for v in dto["versions"]],
            _swaggerurl=dto.get("swagger_url"),
        )

    def _take(self, dto):
        self.__dict__.update(PipelineEndpoint._of(self._workspace, dto).__dict__)

    # --- versions ---------------------------------------------------------------------------------------------------

    def add(self, pipeline):
        """Adds a published pipeline as the next version. ValueError when it is one already."""
        self._add(pipeline, False)

    def add_default(self, pipeline):
        """Adds a published pipeline as the next version and makes that the default."""
        self._add(pipeline, True)

    def _add(self, pipeline, is_default):
        published = _published(pipeline, self.name, self.description)
        if published.id in [v.pipeline_id for v in self._refreshed()]:
            raise ValueError("Published pipeline {} is a version of this endpoint already.".format(published.id))
        body = {"pipeline_id": published.id, "default": is_default}
        self._take(self._workspace._call("POST", "endpoints/{}/versions".format(segment(self.id)), body))

    def set_default(self, pipeline):
        """Makes the version of this published pipeline the default."""
        for each in self._refreshed():
            if each.pipeline_id == getattr(pipeline, "id", pipeline):
                return self.set_default_version(each.version)
        raise ValueError(
            "{} is no version of this endpoint. Add it first, or name a version: set_default_version('…').".format(
                "Published pipeline {}".format(pipeline.id) if hasattr(pipeline, "id") else repr(pipeline)
            )
        )

    def set_default_version(self, version):
        """Makes this version the default."""
        self._update(default_version=str(version))

    def get_default_version(self):
        """The default version: '0', '1', …"""
        self._refreshed()
        return self._default_version

    def get_pipeline(self, version=None):
        """The PublishedPipeline of a version, by default of the default one."""
        wanted = self._default_version if version is None else str(version)
        versions = self._refreshed()
        for each in versions:
            if each.version == wanted:
                return PublishedPipeline.get(self._workspace, each.pipeline_id)
        raise ValueError(
            "Pipeline endpoint {!r} has no version {!r}. It has: {}.".format(
                self.name, wanted, ", ".join(v.version for v in versions)
            )
        )

    def list_versions(self, _workflow_provider=None, _service_endpoint=None):
        """PipelineVersion objects, oldest first: .version and .pipeline."""
        return [
            PipelineVersion(v.version, PublishedPipeline.get(self._workspace, v.pipeline_id)) for v in self._refreshed()
        ]

    def list_pipelines(self, active_only=True, _workflow_provider=None, _service_endpoint=None):
        """The published pipelines of all versions."""
        found = [version.pipeline for version in self.list_versions()]
        return [pipeline for pipeline in found if pipeline.status == "Active" or not active_only]

    def get_all_versions(self, _workflow_provider=None, _service_endpoint=None):
        """An old name of list_versions."""
        return self.list_versions()

    def get_all_pipelines(self, active_only=True, _workflow_provider=None, _service_endpoint=None):
        """An old name of list_pipelines."""
        return self.list_pipelines(active_only)

    # --- the endpoint itself ----------------------------------------------------------------------------------------

    def enable(self):
        self._update(status="Active")

    def disable(self):
        """It cannot be submitted until it is enabled again."""
        self._update(status="Disabled")

    def archive(self):
        """Puts it away; its name is free again."""
        self._update(status="Archived")

    def reactivate(self, name):
        """Brings an archived endpoint back under `name`."""
        self._update(status="Active", name=name)

    def set_name(self, name):
        self._update(name=name)

    def set_description(self, description):
        self._update(description=description)

    def _update(self, **values):
        self._take(self._workspace._call("PUT", "endpoints/" + segment(self.id), values))

    def _refreshed(self):
        """Its versions as they are now."""
        self._take(self._workspace._call("GET", "endpoints/" + segment(self.id)))
        return self._pipeline_version_list

    def submit(self, experiment_name, pipeline_parameters=None, parent_run_id=None, pipeline_version=None):
        """Submits a version, by default the default one; its PipelineRun."""
        from azureml.core.experiment import Experiment

        return self._submit(
            Experiment(self._workspace, experiment_name),
            pipeline_parameters=pipeline_parameters,
            parent_run_id=parent_run_id,
            pipeline_version=pipeline_version,
        )

    def _submit(
        self,
        experiment,
        tags=None,
        pipeline_parameters=None,
        parent_run_id=None,
        pipeline_version=None,
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
            "endpoints/{}/runs".format(segment(self.id)),
            tags,
            deprecated_alias(pipeline_parameters, kwargs),
            parent_run_id,
            continue_on_step_failure,
            regenerate_outputs,
            display_name,
            properties,
            version=None if pipeline_version is None else str(pipeline_version),
        )

    def __repr__(self):
        return "PipelineEndpoint(Name: {},\nId: {},\nStatus: {},\nEndpoint: {})".format(
            self.name, self.id, self.status, self.endpoint
        )

    def _repr_html_(self):
        from azureml._runs.html import table

        return table(
            [
                ("Name", self.name, None),
                ("Id", self.id, None),
                ("Status", self.status, None),
                ("Default version", self.default_version, None),
                ("Endpoint", "REST Endpoint", self.endpoint),
            ]
        )


class PipelineVersion:
    """A version and its published pipeline."""

    def __init__(self, version, pipeline, **kwargs):
        self._version = version
        self._pipeline = pipeline

    pipeline = property(lambda self: self._pipeline)
    version = property(lambda self: self._version)

    def __repr__(self):
        return "PipelineVersion(version={!r}, pipeline={!r})".format(self.version, self.pipeline.id)


class PipelineIdVersion:
    """A version and the id of its published pipeline."""

    def __init__(self, version, pipeline_id, **kwargs):
        self._version = version
        self._pipeline_id = pipeline_id

    pipeline_id = property(lambda self: self._pipeline_id)
    version = property(lambda self: self._version)

    def __repr__(self):
        return "PipelineIdVersion(version={!r}, pipeline_id={!r})".format(self.version, self.pipeline_id)


def workspace_has(workspace, name):
    from azureml.exceptions import UserErrorException

    try:
        workspace._call("GET", "endpoints", None, {"name": name})
    except UserErrorException:
        return False
    return True


def _published(pipeline, name, description):
    if isinstance(pipeline, PublishedPipeline):
        return pipeline
    publish = getattr(pipeline, "publish", None)
    if publish is None:
        raise ValueError("Give a PublishedPipeline or a Pipeline, not a {}.".format(type(pipeline).__name__))
    return publish(name, description)
