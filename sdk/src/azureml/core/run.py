"""Run: one run, seen from the script that it is, or from outside. Logging inside a step appends to its journal and needs no
server; everything that is read is asked of the server. Imports next to nothing: every step pays for this module.
"""

import os

import azureml._sentinel  # noqa: F401
from azureml._names import reexport, typed
from azureml._runs.files import RunFiles
from azureml._runs.logging import RunLogging

__getattr__, __dir__ = reexport(
    __name__,
    {
        "_OfflineRun": "azureml._runs.offline",
        "_SubmittedRun": "azureml._runs.submitted",
        "InputDatasets": "azureml._runs.datasets",
        "LinkOutput": "azureml._runs.datasets",
        "OutputDatasets": "azureml._runs.datasets",
    },
)

_context = None  # the submitted run that this process is: Run.get_context() always gives the same


def _listed(answer):
    return answer["value"] if isinstance(answer, dict) and "value" in answer else answer


def _not_built(what):
    from azureml.exceptions import UserErrorException

    return UserErrorException("{} is not built yet in this version of Penstock.".format(what), code="NotBuiltYet")


class Run(RunLogging, RunFiles):
    """`Run(experiment, run_id)` is an existing run; `Run.get_context()` the one that this script is."""

    _type_providers = {}

    def __init__(self, experiment, run_id, outputs=None, **kwargs):
        self._experiment = experiment
        self._run_id = run_id
        self._dto = kwargs.get("_run")
        self._ended = False

    # --- finding runs -----------------------------------------------------------------------------------------------

    @classmethod
    def get_context(cls, allow_offline=True, used_for_context_manager=False, **kwargs):
        """The run that this script is; outside a submitted run one that only prints, unless allow_offline is False."""
        global _context
        from azureml._client.journal import own_journal

        own = own_journal()
        if own is None:
            if not allow_offline:
                from azureml.exceptions import RunEnvironmentException

                raise RunEnvironmentException()
            from azureml._runs.offline import _OfflineRun

            return _OfflineRun()
        if _context is None or _context._run_id != own.run_id:
            from azureml._runs.submitted import _SubmittedRun

            _context = _SubmittedRun(None, own.run_id)
        return _context

    @classmethod
    def get_submitted_run(cls, **kwargs):
        return cls.get_context(allow_offline=False)

    @staticmethod
    def get(workspace, run_id):
        """The run with this id, as the class of its type."""
        from azureml._runs.kinds import run_of

        return run_of(workspace, workspace._call("GET", "runs/" + _segment(run_id)))

    @staticmethod
    def list(
        experiment, type=None, tags=None, properties=None, status=None, include_children=False, _rehydrate_runs=True
    ):
        """The experiment's runs, newest first."""
        from azureml._runs.kinds import find_runs

        return find_runs(
            experiment.workspace, experiment, type, tags, properties, status=status, include_children=include_children
        )

    @staticmethod
    def list_by_compute(compute, type=None, tags=None, properties=None, status=None):
        from azureml._runs.kinds import find_runs

        found = find_runs(compute.workspace, None, type, tags, properties, status=status, include_children=True)
        return (run for run in found if run._run_dto.get("target") == compute.name)

    @classmethod
    def add_type_provider(cls, runtype, run_factory):
        """Makes runs of the type `runtype` by `run_factory(experiment, run_dto)`."""
        Run._type_providers[runtype] = run_factory

    # --- what it is -------------------------------------------------------------------------------------------------

    id = typed(str, lambda self: self._run_id)

    @property
    def identity(self):
        return self._run_id

    @property
    def experiment(self):
        return self._experiment

    @property
    def _workspace(self):
        return self.experiment.workspace

    @property
    def _client(self):
        return self._workspace._client

    def _call(self, method, path, body=None, query=None, error=None):
        return self._workspace._call(method, path, body, query, error)

    def _files_path(self, name):
        from azureml._client.client import segment, tail

        return "/ws/{}/runs/{}/files/{}".format(segment(self._workspace.name), segment(self.id), tail(name))

    @property
    def _run_dto(self):
        """The run as the server last gave it."""
        if self._dto is None:
            self._refresh()
        return self._dto

    def _refresh(self):
        self._dto = self._call("GET", "runs/" + _segment(self._run_id))
        return self._dto

    @property
    def name(self):
        dto = self._run_dto
        return dto.get("name") or dto.get("display_name") or self._run_id

    @property
    def display_name(self):
        dto = self._run_dto
        return dto.get("display_name") or dto.get("name")

    @display_name.setter
    def display_name(self, value):
        self._record({"op": "display_name", "value": str(value)})
        self._dto = None

    @property
    def description(self):
        return self._refresh().get("description")

    @description.setter
    def description(self, value):
        self._record({"op": "description", "value": str(value)})
        self._dto = None

    @property
    def number(self):
        return self._run_dto.get("experiment_number")

    @property
    def type(self):
        from azureml._runs.kinds import public_type

        return public_type(self._run_dto)

    @property
    def status(self):
        return self._refresh()["status"]

    def get_status(self):
        """The status now, in the words of plain runs: Completed, not Finished."""
        return self._refresh()["status"]

    def get_detailed_status(self):
        dto = self._refresh()
        return {"status": dto["status"], "details": (dto.get("error") or {}).get("message"), "action": None}

    @property
    def parent(self):
        """The run that this one belongs to, or None."""
        parent_id = self._run_dto.get("parent_id")
        return Run.get(self._workspace, parent_id) if parent_id else None

    @property
    def portal_url(self):
        return self._run_dto.get("url") or ""

    def get_portal_url(self):
        return self.portal_url

    def get_docs_url(self):
        return self.portal_url

    # --- writing ----------------------------------------------------------------------------------------------------

    def _record(self, *records):
        self._sink().append(self._run_id, records)

    def _sink(self):
        """Our own journal when this run is of the same pipeline as this process, else the server."""
        from azureml._client.journal import Remote, own_journal

        own = own_journal()
        if own is not None and (
            self._run_id == own.run_id
            or self._run_id in (os.environ.get("AZUREML_ROOT_RUN_ID"), os.environ.get("PENSTOCK_PARENT_RUN_ID"))
        ):
            return own
        return Remote(self._workspace)

    def _own_job(self):
        from azureml._client.journal import own_journal

        own = own_journal()
        return own if own is not None and own.run_id == self._run_id else None

    def tag(self, key, value=None):
        self.set_tags({key: value})

    def set_tags(self, tags):
        """Sets each tag; a value that is there is replaced."""
        self._record(*[{"op": "tag", "name": str(k), "value": _text(v)} for k, v in tags.items()])
        self._dto = None

    def remove_tags(self, tags):
        names = [tags] if isinstance(tags, str) else tags
        self._record(*[{"op": "untag", "name": str(name)} for name in names])
        self._dto = None

    def add_properties(self, properties):
        """Adds properties; the first value of each stays."""
        self._record(*[{"op": "property", "name": str(k), "value": _text(v)} for k, v in properties.items()])
        self._dto = None

    def flush(self, timeout_seconds=300):
        """Nothing waits to be written: each call has written when it returns."""

    # --- reading ----------------------------------------------------------------------------------------------------

    tags = typed(dict, lambda self: self.get_tags())
    properties = typed(dict, lambda self: self.get_properties())

    def get_tags(self):
        return dict(self._refresh().get("tags") or {})

    def get_properties(self):
        return dict(self._refresh().get("properties") or {})

    def get_metrics(self, name=None, recursive=False, run_type=None, populate=False):
        """{name: value} of what was logged; `recursive` adds the runs below this one."""
        from azureml._runs.shapes import shaped

        query = {"recursive": 1} if recursive else None
        return shaped(_listed(self._call("GET", "runs/{}/metrics".format(_segment(self.id)), None, query)), name)

    def get_details(self):
        from azureml._runs.details import details

        return details(self)

    def get_details_with_logs(self):
        """The details, with each log's text in place of its address."""
        found = self.get_details()
        found["logFiles"] = {name: self._text_of(name) for name in found["logFiles"]}
        return found

    def get_steps(self):
        """The same as `get_children`: code asks a pipeline's run for its steps, whatever class it found it as."""
        return self.get_children()

    def get_children(self, recursive=False, tags=None, properties=None, type=None, status=None, _rehydrate_runs=True):
        """The child runs, in the order they started."""
        from azureml._runs.kinds import children_of

        return children_of(self, recursive, tags, properties, type, status)

    @property
    def input_datasets(self):
        """{input name: Dataset} of what the run was given."""
        return {d["consumptionDetails"]["inputName"]: d["dataset"] for d in self.get_details()["inputDatasets"]}

    @property
    def output_datasets(self):
        """{}: where a run writes is known to its own script alone."""
        return {}

    def get_snapshot_id(self):
        """The digest of the source folder that the run was submitted from; None for a run without one."""
        from azureml._runs.snapshots import snapshot_id

        return snapshot_id(self)

    def get_environment(self):
        """The Environment that the run was submitted with."""
        from azureml._runs.snapshots import environment_of

        return environment_of(self)

    def restore_snapshot(self, snapshot_id=None, path=None):
        """Writes the source folder that the run was submitted from as a ZIP file below `path`; where the file is."""
        from azureml._runs.snapshots import restore

        return restore(self, snapshot_id, path)

    def take_snapshot(self, file_or_folder_path):
        """Keeps the folder's content; the snapshot's id."""
        from azureml._client.snapshot import upload

        return upload(self._workspace, file_or_folder_path)

    def get_secret(self, name):
        return self._workspace.get_default_keyvault().get_secret(name)

    def get_secrets(self, secrets):
        return self._workspace.get_default_keyvault().get_secrets(secrets)

    def clean(self):
        raise _not_built("Run.clean")

    def register_model(
        self,
        model_name,
        model_path=None,
        tags=None,
        properties=None,
        model_framework=None,
        model_framework_version=None,
        description=None,
        datasets=None,
        sample_input_dataset=None,
        sample_output_dataset=None,
        resource_configuration=None,
        **kwargs,
    ):
        """Registers a file or folder that this run keeps (default: the one called like the model); the Model."""
        from azureml._runs.models import register_from_run

        return register_from_run(
            self,
            model_name,
            model_path,
            {
                "tags": tags,
                "properties": properties,
                "framework": model_framework,
                "framework_version": model_framework_version,
                "description": description,
            },
        )

    # --- children and the end ---------------------------------------------------------------------------------------

    def child_run(self, name=None, run_id=None, outputs=None):
        """A new run below this one, that the caller drives."""
        from azureml._runs.kinds import start_interactive

        return start_interactive(self.experiment, name=name, run_id=run_id, parent_id=self.id)

    def create_children(self, count=None, tag_key=None, tag_values=None):
        """`count` children, or one for each of `tag_values`, tagged with it."""
        if (count is None) == (tag_values is None):
            raise _user_error("create_children takes either count, or tag_key and tag_values.")
        from azureml._runs.kinds import start_interactive

        tags = [{} for _ in range(count)] if count is not None else [{tag_key: v} for v in tag_values]
        return [start_interactive(self.experiment, parent_id=self.id, tags=t) for t in tags]

    def submit_child(self, config, tags=None, **kwargs):
        """Submits `config` as a run below this one."""
        return self.experiment.submit(config, tags, parent_run_id=self.id, **kwargs)

    def start(self):
        """A run that the caller drives is running from the moment it is made."""

    def complete(self, _set_status=True):
        """Ends the run as Completed."""
        if _set_status:
            self._end({"status": "Completed"})

    def fail(self, error_details=None, error_code=None, _set_status=True):
        """Ends the run as Failed."""
        if _set_status:
            message = str(error_details) if error_details is not None else "The run was failed by its script."
            error = {"code": str(error_code or "UserError"), "message": message}
            self._end({"status": "Failed", "error": error})

    def cancel(self):
        """Asks for the run to be canceled; returns before it has ended."""
        if self._run_dto.get("type") == "interactive":
            self._end({"status": "Canceled"})
        else:
            self._call("POST", "runs/{}/cancel".format(_segment(self.id)), {})
        self._dto = None

    def _end(self, body):
        self._ended = True
        self._dto = self._call("POST", "runs/{}/complete".format(_segment(self.id)), body)

    def wait_for_completion(self, show_output=False, wait_post_processing=False, raise_on_error=True):
        """Waits for the end; the details. ActivityFailedException when it failed and raise_on_error."""
        from azureml._runs.watch import wait_for_run

        return wait_for_run(self, show_output, raise_on_error)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        if not self._ended:
            if exc_type is None:
                self.complete()
            else:
                self.fail("{}: {}".format(exc_type.__name__, exc_value))
        return False

    def __eq__(self, other):
        return isinstance(other, Run) and other._run_id == self._run_id

    def __hash__(self):
        return hash(self._run_id)

    def __repr__(self):
        experiment = self.experiment
        return "Run(Experiment: {},\nId: {},\nType: {},\nStatus: {})".format(
            experiment.name if experiment else None, self.id, self.type, self.status
        )

    def _repr_html_(self):
        from azureml._runs.html import table

        return table(
            [
                ("Experiment", self.experiment.name, None),
                ("Id", self.id, None),
                ("Type", self.type, None),
                ("Status", self.status, None),
                ("Details Page", "Link to the run page", self.get_portal_url()),
            ]
        )


def _segment(text):
    from azureml._client.client import segment

    return segment(text)


def _text(value):
    return "" if value is None else str(value)


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
