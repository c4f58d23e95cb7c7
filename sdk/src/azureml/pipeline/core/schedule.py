"""Schedule and ScheduleRecurrence: when a published pipeline is submitted by itself."""

from azureml.pipeline.core._not_built import not_built
from azureml.pipeline.core._time_zone import TimeZone

_FREQUENCIES = ("Minute", "Hour", "Day", "Week", "Month")
_WEEK_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class ScheduleRecurrence:
    """Every `interval` units of `frequency`; times of day and days of the week narrow it. Without a zone, times are UTC."""

    def __init__(
        self,
        frequency,
        interval,
        start_time=None,
        time_zone=None,
        hours=None,
        minutes=None,
        week_days=None,
        time_of_day=None,
    ):
        self.frequency = frequency
        self.interval = interval
        self.start_time = _start_time(start_time)
        self.time_zone = time_zone or (TimeZone.UTC if start_time is not None else None)
        if time_of_day is not None:
            if hours is not None or minutes is not None:
                raise ValueError("time_of_day cannot be given together with hours or minutes.")
            hours, minutes = _time_of_day(time_of_day)
        self.hours = hours
        self.minutes = minutes
        self.week_days = week_days
        self.time_of_day = time_of_day

    def validate(self):
        """ValueError when the recurrence cannot be."""
        if self.frequency not in _FREQUENCIES:
            raise ValueError(
                "frequency must be one of {}, but is {!r}.".format(", ".join(_FREQUENCIES), self.frequency)
            )
        if isinstance(self.interval, bool) or not isinstance(self.interval, int) or self.interval < 1:
            raise ValueError("interval must be a whole number of 1 or more, but is {!r}.".format(self.interval))
        if (self.hours is not None or self.minutes is not None) and self.frequency not in ("Day", "Week"):
            raise ValueError("hours and minutes can only be given for frequency Day or Week.")
        if self.week_days is not None and self.frequency != "Week":
            raise ValueError("week_days can only be given for frequency Week.")
        _in_range(self.hours, "hours", 23)
        _in_range(self.minutes, "minutes", 59)
        for day in self.week_days or ():
            if day not in _WEEK_DAYS:
                raise ValueError("week_days must be full English names such as Monday, but one is {!r}.".format(day))


def _start_time(start_time):
    if start_time is None or isinstance(start_time, str):
        return start_time
    if getattr(start_time, "tzinfo", None) is not None:
        raise ValueError("start_time must not carry a time zone: give it as time_zone.")
    return start_time.strftime("%Y-%m-%dT%H:%M:%S")


def _time_of_day(text):
    hour, mark, minute = text.partition(":") if isinstance(text, str) else ("", "", "")
    if not (mark and hour.isdigit() and minute.isdigit() and int(hour) <= 23 and int(minute) <= 59):
        raise ValueError("time_of_day must be 'hh:mm', but is {!r}.".format(text))
    return [int(hour)], [int(minute)]


def _in_range(values, what, most):
    for value in values or ():
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise ValueError("{} must be whole numbers from 0 to {}, but one is {!r}.".format(what, most, value))


class Schedule:
    """When a published pipeline is submitted by itself."""

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
        polling_interval=5,
        data_path_parameter_name=None,
        continue_on_step_failure=None,
        path_on_datastore=None,
    ):
        return not_built("Schedule.create")

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
        polling_interval=5,
        data_path_parameter_name=None,
        continue_on_step_failure=None,
        path_on_datastore=None,
    ):
        return not_built("Schedule.create_for_pipeline_endpoint")

    def disable(self, wait_for_provisioning=False, wait_timeout=3600):
        return not_built("Schedule.disable")

    def enable(self, wait_for_provisioning=False, wait_timeout=3600):
        return not_built("Schedule.enable")

    @staticmethod
    def get(workspace, id):
        return not_built("Schedule.get")

    @staticmethod
    def get_all(workspace, active_only=True, pipeline_id=None, pipeline_endpoint_id=None):
        return not_built("Schedule.get_all")

    def get_last_pipeline_run(self):
        return not_built("Schedule.get_last_pipeline_run")

    def get_pipeline_runs(self):
        return not_built("Schedule.get_pipeline_runs")

    @staticmethod
    def get_schedules_for_pipeline_endpoint_id(workspace, pipeline_endpoint_id):
        return not_built("Schedule.get_schedules_for_pipeline_endpoint_id")

    @staticmethod
    def get_schedules_for_pipeline_id(workspace, pipeline_id):
        return not_built("Schedule.get_schedules_for_pipeline_id")

    @staticmethod
    def list(workspace, active_only=True, pipeline_id=None, pipeline_endpoint_id=None):
        return not_built("Schedule.list")

    @staticmethod
    def load_yaml(workspace, filename):
        return not_built("Schedule.load_yaml")

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
    ):
        return not_built("Schedule.update")
