"""HyperDriveRun and PrimaryMetricGoal."""


class PrimaryMetricGoal:
    """Whether more of the metric is better. Compares as its text."""

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    @staticmethod
    def from_str(goal):
        if isinstance(goal, str) and goal.upper() in ("MAXIMIZE", "MINIMIZE"):
            return goal.upper()
        raise ValueError("primary_metric_goal must be MAXIMIZE or MINIMIZE, but is {!r}.".format(goal))


class HyperDriveRun:
    """A search that was submitted by itself. Not built yet in this version of Penstock."""

    def __init__(self, experiment, run_id, hyperdrive_config=None, **kwargs):
        from azureml.exceptions import UserErrorException

        raise UserErrorException("HyperDriveRun is not built yet in this version of Penstock (run {}).".format(run_id))
