"""How a search picks the next hyperparameters. Settings only; the names of the space become the script's flags."""

from azureml.exceptions import UserErrorException


class HyperParameterSampling:
    """`parameter_space` maps names (`--rate` or `rate`) to what parameter_expressions gives."""

    def __init__(
        self,
        sampling_method_name,
        parameter_space,
        properties=None,
        supported_distributions=None,
        distributions_validators=None,
    ):
        if not isinstance(parameter_space, dict) or not parameter_space:
            raise UserErrorException("parameter_space must be a dict that names at least one parameter.")
        for name, expression in parameter_space.items():
            _check(name, expression, supported_distributions, sampling_method_name)
        self._sampling_method_name = sampling_method_name
        self._parameter_space = dict(parameter_space)
        self._properties = dict(properties or {})

    def to_json(self):
        return {
            "name": self._sampling_method_name,
            "parameter_space": dict(self._parameter_space),
            "properties": dict(self._properties),
        }


class RandomParameterSampling(HyperParameterSampling):
    def __init__(self, parameter_space, properties=None):
        HyperParameterSampling.__init__(self, "RANDOM", parameter_space, properties)


class GridParameterSampling(HyperParameterSampling):
    """Every combination; each parameter must be a `choice`."""

    def __init__(self, parameter_space, properties=None):
        HyperParameterSampling.__init__(self, "GRID", parameter_space, properties, ("choice",))


class BayesianParameterSampling(HyperParameterSampling):
    """Learns from the children that have ended; takes `choice`, `uniform` and `quniform`."""

    def __init__(self, parameter_space, properties=None):
        HyperParameterSampling.__init__(
            self, "BayesianOptimization", parameter_space, properties, ("choice", "uniform", "quniform")
        )


def _check(name, expression, supported, method):
    if not (isinstance(expression, (list, tuple)) and len(expression) == 2 and isinstance(expression[0], str)):
        raise UserErrorException(
            "Parameter {!r} of the search is {!r}: use choice(…), uniform(…) or another of "
            "azureml.train.hyperdrive.parameter_expressions.".format(name, expression)
        )
    if supported is not None and expression[0] not in supported:
        raise UserErrorException(
            "Parameter {!r} is {}, but {} sampling takes {} only.".format(
                name, expression[0], method, ", ".join(supported)
            )
        )
