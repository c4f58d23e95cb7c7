"""Schedule and ScheduleRecurrence: when a published pipeline is submitted by itself. docs/schedules.md has the rules of time and data."""

from azureml._client.client import segment
from azureml._paths import local
from azureml.pipeline.core._recurrence import ScheduleRecurrence, from_yaml, recurrence_of, said, sent
from azureml.pipeline.core._time_zone import TimeZone

__all__ = ["Schedule", "ScheduleRecurrence", "TimeZone"]

_POLL_SECONDS = 5


class _NotGiven(int):
    """A default that can be told from the same number given: data are watched at once unless an interval was chosen."""


_FIVE_MINUTES = _NotGiven(5)


class Schedule:
    """When a published pipeline, or the default version of an endpoint, is submitted by itself: by the clock, or when data changes."""

    def __init__(
        self,
        workspace,
        id,
        name,
        description,
        pipeline_id,
        status,
        recurrence,
        datastore_name,
        polling_interval,
        data_path_parameter_name,
        continue_on_step_failure,
        path_on_datastore,
        _schedule_provider=None,
        pipeline_endpoint_id=None,
        **kwargs,
    ):
        self._workspace = workspace
        self._id = id
        self._name = name
        self._description = description
        self._pipeline_id = pipeline_id
        self._status = status
        self._recurrence = recurrence
        self._datastore_name = datastore_name
        self._polling_interval = polling_interval
        self._data_path_parameter_name = data_path_parameter_name
        self._continue_on_step_failure = continue_on_step_failure
        self._path_on_datastore = path_on_datastore
        self._pipeline_endpoint_id = pipeline_endpoint_id
        self._dto = kwargs.get("_dto")

    continue_on_step_failure = property(lambda self: self._continue_on_step_failure)
    data_path_parameter_name = property(lambda self: self._data_path_parameter_name)
    datastore_name = property(lambda self: self._datastore_name)
    description = property(lambda self: self._description)
    id = property(lambda self: self._id)
    name = property(lambda self: self._name)
    path_on_datastore = property(lambda self: self._path_on_datastore)
    pipeline_endpoint_id = property(lambda self: self._pipeline_endpoint_id)
    pipeline_id = property(lambda self: self._pipeline_id)
    polling_interval = property(lambda self: self._polling_interval)
    recurrence = property(lambda self: self._recurrence)
    status = property(lambda self: self._status)

    @property
    def settings(self):
        """Penstock's own: {name: value} of the settings that are its own, such as catch_up and overlap."""
        return {name: self._dto.get(name) for name in _OWN_SETTINGS}

    @property
    def warnings(self):
        """Penstock's own: why it does not run, or does not run well. Empty when all is well. As it was when this object was got."""
        return [text for text in (self._dto.get("note"), *(self._dto.get("warnings") or ())) if text]

    # --- making one ---------------------------------------------------------------------------------------------------

    @staticmethod
    def create(
        workspace,
        name,
        pipeline_id,
        experiment_name,
        recurrence=None,
        description=None,
        pipeline_parameters=None,
        wait_for_provisioning=False,
        wait_timeout=3600,
        datastore=None,
        polling_interval=_FIVE_MINUTES,
        data_path_parameter_name=None,
        continue_on_step_failure=None,
        path_on_datastore=None,
        _workflow_provider=None,
        _service_endpoint=None,
        **more,
    ):
        """A schedule of the published pipeline `pipeline_id`. Without a recurrence it watches `path_on_datastore`.

        `recurrence`: a ScheduleRecurrence, or (Penstock's own) a cron expression. Penstock's own besides: catch_up, overlap, pause_after,
        recursive, on_delete, settle_seconds, regenerate_outputs, datasets, time_zone (of a cron expression).
        """
        values = {
            "name": name,
            "pipeline_id": pipeline_id,
            "experiment_name": experiment_name,
            "description": description,
            "pipeline_parameters": pipeline_parameters,
            "continue_on_step_failure": continue_on_step_failure,
        }
        when = _when(recurrence, datastore, polling_interval, data_path_parameter_name, path_on_datastore, more)
        return Schedule._make(workspace, dict(values, **when), wait_for_provisioning, wait_timeout)

    @staticmethod
    def create_for_pipeline_endpoint(
        workspace,
        name,
        pipeline_endpoint_id,
        experiment_name,
        recurrence=None,
        description=None,
        pipeline_parameters=None,
        wait_for_provisioning=False,
        wait_timeout=3600,
        datastore=None,
        polling_interval=_FIVE_MINUTES,
        data_path_parameter_name=None,
        continue_on_step_failure=None,
        path_on_datastore=None,
        _workflow_provider=None,
        _service_endpoint=None,
        **more,
    ):
        """A schedule of the endpoint `pipeline_endpoint_id`: each time its default version is submitted. Else as `create`."""
        values = {
            "name": name,
            "pipeline_endpoint_id": pipeline_endpoint_id,
            "experiment_name": experiment_name,
            "description": description,
            "pipeline_parameters": pipeline_parameters,
            "continue_on_step_failure": continue_on_step_failure,
        }
        when = _when(recurrence, datastore, polling_interval, data_path_parameter_name, path_on_datastore, more)
        return Schedule._make(workspace, dict(values, **when), wait_for_provisioning, wait_timeout)

    @staticmethod
    def _make(workspace, values, wait_for_provisioning, wait_timeout):
        body = {k: v for k, v in values.items() if v is not None}
        body["pipeline_parameters"] = _parameters(workspace, body.get("pipeline_parameters"))
        answer = workspace._call("POST", "schedules", body)
        for note in answer.get("notes") or ():
            print(note)
        made = Schedule._of(workspace, answer)
        if wait_for_provisioning:
            made._wait(wait_timeout)
        return made

    # --- finding one --------------------------------------------------------------------------------------------------

    @staticmethod
    def get(workspace, id, _workflow_provider=None, _service_endpoint=None):
        """The schedule with this id."""
        return Schedule._of(workspace, workspace._call("GET", "schedules/" + segment(id)))

    @staticmethod
    def list(
        workspace,
        active_only=True,
        pipeline_id=None,
        pipeline_endpoint_id=None,
        _workflow_provider=None,
        _service_endpoint=None,
    ):
        """The workspace's schedules. Those of one pipeline or endpoint are listed whether they are active or not, as in the original."""
        if pipeline_id is not None and pipeline_endpoint_id is not None:
            raise ValueError("Give either pipeline_id or pipeline_endpoint_id, not both.")
        query = {"active_only": "true"} if active_only else {}
        if pipeline_id is not None:
            query = {"pipeline_id": pipeline_id}
        if pipeline_endpoint_id is not None:
            query = {"pipeline_endpoint_id": pipeline_endpoint_id}
        return [Schedule._of(workspace, dto) for dto in workspace._values("schedules", query)]

    @staticmethod
    def get_all(
        workspace,
        active_only=True,
        pipeline_id=None,
        pipeline_endpoint_id=None,
        _workflow_provider=None,
        _service_endpoint=None,
    ):
        """An old name of list."""
        return Schedule.list(workspace, active_only, pipeline_id, pipeline_endpoint_id)

    @staticmethod
    def get_schedules_for_pipeline_id(workspace, pipeline_id, _workflow_provider=None, _service_endpoint=None):
        """The schedules of a published pipeline."""
        return Schedule.list(workspace, pipeline_id=pipeline_id)

    @staticmethod
    def get_schedules_for_pipeline_endpoint_id(
        workspace, pipeline_endpoint_id, _workflow_provider=None, _service_endpoint=None
    ):
        """The schedules of a pipeline endpoint."""
        return Schedule.list(workspace, pipeline_endpoint_id=pipeline_endpoint_id)

    @classmethod
    def _of(cls, workspace, dto):
        made = cls(
            workspace,
            dto["id"],
            dto["name"],
            dto.get("description"),
            dto["pipeline_id"],
            dto["status"],
            recurrence_of(dto.get("recurrence")),
            dto.get("datastore"),
            dto.get("polling_interval") if dto["kind"] == "data" else None,
            dto.get("data_path_parameter_name"),
            dto.get("continue_on_step_failure"),
            dto.get("path_on_datastore"),
            pipeline_endpoint_id=dto.get("pipeline_endpoint_id"),
            _dto=dto,
        )
        if dto["kind"] == "data" and made._polling_interval is None:
            made._polling_interval = 5
        return made

    # --- changing it --------------------------------------------------------------------------------------------------

    def enable(self, wait_for_provisioning=False, wait_timeout=3600):
        """Submits again when it is due."""
        self._update({"status": "Active"}, wait_for_provisioning, wait_timeout)

    def disable(self, wait_for_provisioning=False, wait_timeout=3600):
        """Submits nothing until it is enabled."""
        self._update({"status": "Disabled"}, wait_for_provisioning, wait_timeout)

    def update(
        self,
        name=None,
        description=None,
        recurrence=None,
        pipeline_parameters=None,
        status=None,
        wait_for_provisioning=False,
        wait_timeout=3600,
        datastore=None,
        polling_interval=None,
        data_path_parameter_name=None,
        continue_on_step_failure=None,
        path_on_datastore=None,
        **more,
    ):
        """Changes what is given. A schedule by the clock stays one, and so does one that watches data: ValueError otherwise."""
        if status not in (None, "Active", "Disabled"):
            raise ValueError("Status must be either Active or Disabled, but is {!r}.".format(status))
        by_clock = self._recurrence is not None
        if by_clock and (datastore or polling_interval or data_path_parameter_name or path_on_datastore):
            raise ValueError("Cannot make a recurrence schedule watch data. Create another schedule.")
        if not by_clock and recurrence is not None:
            raise ValueError("Cannot give a recurrence to a schedule that watches data. Create another schedule.")
        values = {
            "name": name,
            "description": description,
            "status": status,
            "continue_on_step_failure": continue_on_step_failure,
            "recurrence": sent(recurrence, more),
            "datastore": getattr(datastore, "name", datastore),
            "polling_interval": polling_interval,
            "data_path_parameter_name": data_path_parameter_name,
            "path_on_datastore": path_on_datastore,
        }
        values.update(_own(more))
        if pipeline_parameters is not None:
            values["pipeline_parameters"] = _parameters(self._workspace, pipeline_parameters)
        self._update({k: v for k, v in values.items() if v is not None}, wait_for_provisioning, wait_timeout)

    def _update(self, values, wait_for_provisioning, wait_timeout):
        dto = self._workspace._call("PUT", "schedules/" + segment(self.id), values)
        self.__dict__.update(Schedule._of(self._workspace, dto).__dict__)
        if wait_for_provisioning:
            self._wait(wait_timeout)

    def _wait(self, timeout):
        """Until the server has set the schedule up: ours has when it answers."""
        import time

        until = time.monotonic() + timeout
        while True:
            status = self._workspace._call("GET", "schedules/" + segment(self.id))["provisioning"]
            print("Provisioning status: {}".format(status))
            if status != "Provisioning" or time.monotonic() >= until:
                return
            time.sleep(_POLL_SECONDS)

    # --- its runs -----------------------------------------------------------------------------------------------------

    def get_pipeline_runs(self):
        """Its pipeline runs, newest first."""
        from azureml.pipeline.core.run import PipelineRun

        return [PipelineRun.get(self._workspace, run_id) for run_id in self._run_ids()]

    def get_last_pipeline_run(self):
        """Its newest pipeline run; None when it has none."""
        from azureml.pipeline.core.run import PipelineRun

        found = self._run_ids()
        return PipelineRun.get(self._workspace, found[0]) if found else None

    def _run_ids(self):
        return self._workspace._call("GET", "schedules/{}/runs".format(segment(self.id)))["value"]

    def next(self, n=10):
        """Penstock's own: the coming `n` due times, ISO 8601 in UTC. [] of a schedule that watches data."""
        answer = self._workspace._call("GET", "schedules/{}/next".format(segment(self.id)), None, {"n": n})
        return [each["at"] for each in answer["value"]]

    def ticks(self, limit=100):
        """Penstock's own: what became of its due times, or of the batches of changed files, newest first, as dicts.

        `verdict` is due, queued, fired, skipped or failed; `reason` and `evidence` say why; `run_id` and `run_status` are of its run.
        """
        return self._workspace._call("GET", "schedules/{}/ticks".format(segment(self.id)), None, {"limit": limit})[
            "value"
        ]

    def run_now(self):
        """Penstock's own: fires it once, whatever is due. `ticks` and `get_pipeline_runs` tell of it."""
        self._workspace._call("POST", "schedules/{}/run-now".format(segment(self.id)), {})

    @staticmethod
    def load_yaml(workspace, filename, _workflow_provider=None, _service_endpoint=None):
        """What a schedule's YAML says, as keyword arguments of Schedule.create."""
        from azureml.core._yaml import YamlError, load

        with open(local(filename), encoding="utf-8") as file:
            try:
                document = load(file.read())
            except YamlError as error:
                raise ValueError("{} is no YAML: {}".format(filename, error)) from None
        found = document.get("Schedule") if isinstance(document, dict) else None
        if not isinstance(found, dict):
            raise ValueError("{} has no key Schedule at its top. Put the schedule below it.".format(filename))
        unknown = sorted(set(found) - set(_YAML_KEYS))
        if unknown:
            raise ValueError("{}: unknown key {}. There are: {}.".format(filename, unknown[0], ", ".join(_YAML_KEYS)))
        # Public files write Python's None, which YAML takes for a text.
        loaded = {key: found[key] for key in _YAML_KEYS if found.get(key) not in (None, "None")}
        if "recurrence" in loaded:
            loaded["recurrence"] = from_yaml(loaded["recurrence"], filename)
        if "datastore_name" in loaded:
            from azureml.core.datastore import Datastore

            loaded["datastore"] = Datastore.get(workspace, loaded.pop("datastore_name"))
        return loaded

    def __repr__(self):
        return (
            "Schedule(Name: {},\nId: {},\nStatus: {},\nPipeline Id: {},\nPipeline Endpoint Id: {},\n"
            "Recurrence Details: {})"
        ).format(self.name, self.id, self.status, self.pipeline_id, self.pipeline_endpoint_id, said(self._recurrence))

    def _repr_html_(self):
        from azureml._runs.html import table

        return table(
            [
                ("Name", self.name, None),
                ("Id", self.id, None),
                ("Status", self.status, None),
                ("Pipeline Id", self.pipeline_id or "", None),
                ("Pipeline Endpoint Id", self.pipeline_endpoint_id or "", None),
                ("Recurrence Details", said(self._recurrence), None),
            ]
        )


_YAML_KEYS = (
    "description", "recurrence", "pipeline_parameters", "wait_for_provisioning", "wait_timeout", "datastore_name", "polling_interval",
    "data_path_parameter_name", "continue_on_step_failure", "path_on_datastore",
)  # fmt: skip
_OWN_SETTINGS = (
    "catch_up", "overlap", "pause_after", "recursive", "on_delete", "settle_seconds", "regenerate_outputs", "datasets",
)  # fmt: skip


def _when(recurrence, datastore, polling_interval, data_path_parameter_name, path_on_datastore, more):
    """The part of a schedule that says when it fires, as the server takes it; ValueError for what cannot be together."""
    if recurrence is not None:
        if datastore is not None:
            raise ValueError("Both recurrence and datastore cannot be provided. Give one of them.")
        if data_path_parameter_name is not None or path_on_datastore is not None:
            raise ValueError("data_path_parameter_name and path_on_datastore are for schedules that watch a datastore.")
        return dict({"recurrence": sent(recurrence, more)}, **_own(more))
    found = {
        "datastore": getattr(datastore, "name", datastore),
        "polling_interval": None if isinstance(polling_interval, _NotGiven) else polling_interval,
        "data_path_parameter_name": data_path_parameter_name,
        "path_on_datastore": path_on_datastore,
    }
    return dict(found, **_own(more))


def _own(more):
    """The settings that are Penstock's own; TypeError for what is not known."""
    for name in more:
        if name not in _OWN_SETTINGS and name != "time_zone":
            raise TypeError(
                "Schedule has no setting {!r}. Its own here are: {}.".format(name, ", ".join(_OWN_SETTINGS))
            )
    return {name: more[name] for name in _OWN_SETTINGS if more.get(name) is not None}


def _parameters(workspace, values):
    from azureml._graph.submission import as_json

    return {name: as_json(workspace, value) for name, value in (values or {}).items()}
