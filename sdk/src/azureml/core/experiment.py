"""Experiment: a name under which runs are submitted and found again."""

import azureml._sentinel  # noqa: F401
from azureml.core.run import _not_built


class ViewType:
    """Which experiments a list has."""

    ActiveOnly = "ActiveOnly"
    ArchivedOnly = "ArchivedOnly"
    All = "All"


class HasExperimentPortal:
    """Something with a page of its experiment."""

    def __init__(self, experiment):
        self._portal_experiment = experiment

    @property
    def portal_url(self):
        return self.get_portal_url()

    def get_portal_url(self):
        experiment = self._portal_experiment
        from azureml._client.client import segment

        return "{}/experiments/{}".format(experiment.workspace._client.url, segment(experiment.name))


class Experiment(HasExperimentPortal):
    """`Experiment(workspace, name)` is made when it is new."""

    def __init__(
        self,
        workspace,
        name,
        _skip_name_validation=False,
        _id=None,
        _archived_time=None,
        _create_in_cloud=True,
        _experiment_dto=None,
        **kwargs,
    ):
        if not _skip_name_validation:
            _check_name(name)
        HasExperimentPortal.__init__(self, self)
        self._workspace = workspace
        self._name = name
        self._dto = _experiment_dto
        self._given_id = _id
        if _create_in_cloud and self._dto is None:
            self._put()

    def _put(self):
        from azureml._client.client import segment

        self._dto = self._workspace._call("PUT", "experiments/" + segment(self._name), {})
        return self._dto

    @property
    def _kept(self):
        return self._dto if self._dto is not None else self._put()

    @property
    def workspace(self):
        return self._workspace

    @property
    def workspace_object(self):
        return self._workspace

    @property
    def name(self):
        return self._name

    @property
    def id(self):
        return self._given_id or self._kept["id"]

    @property
    def identity(self):
        return self.id

    @property
    def archived_time(self):
        return None

    @property
    def tags(self):
        return dict(self._kept.get("tags") or {})

    # --- runs -------------------------------------------------------------------------------------------------------

    def submit(self, config, tags=None, **kwargs):
        """Submits a pipeline or another configuration; the run."""
        submit = getattr(config, "_submit", None)
        if submit is None:
            from azureml.exceptions import UserErrorException

            raise UserErrorException(
                "Experiment.submit does not take a {}. Give it a Pipeline, a PublishedPipeline, a ScriptRunConfig or "
                "another configuration that can be submitted.".format(type(config).__name__)
            )
        return submit(self, tags=tags, **kwargs)

    def start_logging(self, *args, **kwargs):
        """A run that the caller drives: log to it, then complete() it. Files are kept by upload_file."""
        from azureml._runs.kinds import start_interactive

        return start_interactive(self, name=kwargs.get("display_name"), tags=kwargs.get("tags"))

    def get_runs(self, type=None, tags=None, properties=None, include_children=False):
        """The runs of this experiment, newest first, each as the class of its type."""
        from azureml._runs.kinds import find_runs

        return find_runs(self._workspace, self, type, tags, properties, include_children=include_children)

    # --- experiments ------------------------------------------------------------------------------------------------

    @staticmethod
    def list(workspace, experiment_name=None, view_type="ActiveOnly", tags=None):
        """The workspace's experiments (of that name, with these tags)."""
        if view_type == ViewType.ArchivedOnly:
            return []
        found = []
        for dto in workspace._values("experiments"):
            labels = dto.get("tags") or {}
            wanted = {tags: None} if isinstance(tags, str) else (tags or {})
            if experiment_name in (None, dto["name"]) and all(
                k in labels and v in (None, labels[k]) for k, v in wanted.items()
            ):
                found.append(Experiment(workspace, dto["name"], _skip_name_validation=True, _experiment_dto=dto))
        return found

    @staticmethod
    def from_directory(path, auth=None):
        raise _not_built("Experiment.from_directory")

    @staticmethod
    def delete(workspace, experiment_id):
        raise _not_built("Experiment.delete")

    def archive(self):
        raise _not_built("Experiment.archive")

    def reactivate(self, new_name=None):
        raise _not_built("Experiment.reactivate")

    def refresh(self):
        """Reads the experiment again."""
        self._dto = None
        self._put()

    def tag(self, key, value=None):
        self.set_tags({key: value})

    def set_tags(self, tags):
        """Sets tags on the experiment."""
        merged = dict(self.tags, **{str(k): "" if v is None else str(v) for k, v in tags.items()})
        self._put_tags(merged)

    def remove_tags(self, tags):
        names = [tags] if isinstance(tags, str) else list(tags)
        self._put_tags({k: v for k, v in self.tags.items() if k not in names})

    def _put_tags(self, tags):
        from azureml._client.client import segment

        self._dto = self._workspace._call("PUT", "experiments/" + segment(self._name), {"tags": tags})
        if (self._dto.get("tags") or {}) != tags:
            raise _not_built("Setting tags on an experiment (of this server)")

    def get_docs_url(self):
        return self.get_portal_url()

    def __eq__(self, other):
        return isinstance(other, Experiment) and (other._name, other._workspace) == (self._name, self._workspace)

    def __hash__(self):
        return hash(self._name)

    def __repr__(self):
        return "Experiment(Name: {},\nWorkspace: {})".format(self._name, self._workspace.name)

    def _repr_html_(self):
        from azureml._runs.html import table

        url = self.get_portal_url()
        return table(
            [
                ("Name", self._name, None),
                ("Workspace", self._workspace.name, None),
                ("Report Page", "Link to its runs", url),
            ]
        )


def _check_name(name):
    """1 to 255 letters, digits, '-' and '_', the first a letter or digit; UserErrorException otherwise."""
    good = isinstance(name, str) and 1 <= len(name) <= 255 and name.isascii() and name[0].isalnum()
    if not good or not all(c.isalnum() or c in "-_" for c in name):
        from azureml.exceptions import UserErrorException

        raise UserErrorException(
            "Experiment name must be 1-255 characters, start with a letter or a number, and can only contain letters, "
            "numbers, dashes and underscores, but it is {!r}.".format(name)
        )
