"""run.input_datasets and run.output_datasets: dictionaries made from the step's environment (docs/step.md)."""

import os


class InputDatasets(dict):
    """A direct input is its Dataset, fetched when it is first asked for; a mounted or downloaded one its local path."""

    def __init__(self, workspace):
        dict.__init__(self)
        self._workspace = workspace
        for entry in filter(None, os.environ.get("AZUREML_DATASET_ENVIRONMENT_VARS", "").split(",")):
            name, _, mode = entry.partition(":")
            value = os.environ.get(name, "")
            dict.__setitem__(self, name, _Later(value) if mode in ("direct", "") else value)

    def __getitem__(self, name):
        try:
            value = dict.__getitem__(self, name)
        except KeyError:
            raise KeyError(
                "There is no input dataset {!r}. This run has: {}. Give it to the step with as_named_input({!r}).".format(
                    name, ", ".join(sorted(self)) or "none", name
                )
            ) from None
        if isinstance(value, _Later):
            from azureml._runs.observed import declare
            from azureml.core.dataset import Dataset

            workspace = self._workspace() if callable(self._workspace) else self._workspace
            value = Dataset.get_by_id(workspace, value.dataset_id)
            declare(value._definition)
            self[name] = value
        return value

    def get(self, name, default=None):
        try:
            return self[name]
        except KeyError:
            return default

    def values(self):
        return [self[name] for name in self]

    def items(self):
        return [(name, self[name]) for name in self]


class _Later:
    """A dataset that is fetched when it is asked for."""

    def __init__(self, dataset_id):
        self.dataset_id = dataset_id


class OutputDatasets(dict):
    """{name: local path} of OutputFileDatasetConfig outputs; link outputs take a dataset."""

    def __init__(self, workspace):
        dict.__init__(self)
        for name in filter(None, os.environ.get("AZUREML_DATASET_FILE_OUTPUTS", "").split(";")):
            self[name] = os.environ.get(name, "")
        for name in filter(None, os.environ.get("AZUREML_LINK_DATASET_OUTPUTS", "").split(";")):
            self[name] = LinkOutput(workspace, name)

    def __missing__(self, name):
        raise KeyError(
            "There is no output dataset {!r}. This run has: {}. Give the step an OutputFileDatasetConfig of that name.".format(
                name, ", ".join(sorted(self)) or "none"
            )
        )


class LinkOutput:
    """An output that is a dataset which exists already."""

    def __init__(self, workspace, name=None):
        self._workspace = workspace
        self.name = name

    def link(self, dataset, run=None):
        """Makes `dataset` this output."""
        if run is None:
            from azureml.core.run import Run

            run = Run.get_context(allow_offline=False)
        workspace = self._workspace() if callable(self._workspace) else self._workspace
        run._record({"op": "output_link", "name": self.name, "dataset": dataset._saved_id(workspace)})
