"""AutoMLRun. Not built yet in this version of Penstock."""


class AutoMLRun:
    """A search over models that was submitted."""

    def __init__(self, experiment, run_id, **kwargs):
        from azureml.exceptions import UserErrorException

        raise UserErrorException("AutoMLRun is not built yet in this version of Penstock (run {}).".format(run_id))
