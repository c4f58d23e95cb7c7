"""Where the compute exceptions and the local target are imported from."""

from azureml.exceptions import ComputeTargetException

__all__ = ["AbstractComputeTarget", "ComputeTargetException", "LocalTarget"]


class AbstractComputeTarget:
    """A compute by type and name."""

    def __init__(self, compute_target_type, name):
        self._type = compute_target_type
        self._name = name

    @property
    def type(self):
        return self._type

    @property
    def name(self):
        return self._name

    @staticmethod
    def deserialize_from_dict(compute_target_name, compute_target_dict):
        return AbstractComputeTarget(compute_target_dict.get("type"), compute_target_name)


class LocalTarget(AbstractComputeTarget):
    """This machine."""

    def __init__(self):
        AbstractComputeTarget.__init__(self, "local", "local")
