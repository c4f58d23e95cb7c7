"""ExperimentSubmitRegistrar: how configurations used to be tied to their submit functions. Kept for code that names it."""


class ExperimentSubmitRegistrar:
    _functions = {}

    def __init__(self, *args, **kwargs):
        """Holds nothing of its own: the registry belongs to the class."""

    @classmethod
    def register_submit_function(cls, method_class, submit_function):
        cls._functions[method_class] = submit_function

    @classmethod
    def get_submit_function(cls, method):
        return cls._functions.get(type(method))
