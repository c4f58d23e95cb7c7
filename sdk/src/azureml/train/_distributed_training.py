"""How an estimator's script is distributed. Settings only."""

from azureml.core._sections import number


class Mpi:
    def __init__(self, process_count_per_node=1):
        self.process_count_per_node = number(process_count_per_node, "process_count_per_node", 1)

    def validate(self, estimator_name):
        """Every estimator takes it."""


class ParameterServer:
    def __init__(self, worker_count=1, parameter_server_count=1):
        self.worker_count = number(worker_count, "worker_count", 1)
        self.parameter_server_count = number(parameter_server_count, "parameter_server_count", 1)

    def validate(self, estimator_name):
        _only_for(estimator_name, "TensorFlow", "ParameterServer")


class Gloo:
    def validate(self, estimator_name):
        _only_for(estimator_name, "PyTorch", "Gloo")


class Nccl:
    def validate(self, estimator_name):
        _only_for(estimator_name, "PyTorch", "Nccl")


def _only_for(estimator_name, wanted, what):
    if estimator_name != wanted:
        raise ValueError("{} is for {} only, not for {}.".format(what, wanted, estimator_name))
