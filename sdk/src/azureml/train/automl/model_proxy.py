"""ModelProxy. Not built yet in this version of Penstock."""


class ModelProxy:
    """A model of an AutoML run, used on a compute."""

    def __init__(self, child_run, compute_target=None):
        from azureml.exceptions import UserErrorException

        raise UserErrorException("ModelProxy is not built yet in this version of Penstock.")
