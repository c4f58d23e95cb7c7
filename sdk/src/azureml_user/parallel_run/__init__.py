"""EntryScript: what the script of a ParallelRunStep asks about where it runs.

The driver of such a step says where by environment variables (docs/step.md); without it only the logger works.
"""

import azureml._sentinel  # noqa: F401


class EntryScript:
    """One object per process: `EntryScript()` twice is the same one."""

    _only = None

    def __new__(cls):
        if cls._only is None:
            cls._only = object.__new__(cls)
        return cls._only

    @property
    def logger(self):
        """A logger whose lines reach the step's log; level INFO unless the step's configuration says another."""
        import logging
        import os

        logger = logging.getLogger("azureml_user.parallel_run")
        if not logger.handlers:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s|%(levelname)s|%(process)d|%(message)s"))
            logger.addHandler(handler)
            logger.propagate = False
        logger.setLevel(os.environ.get("AZUREML_PARALLEL_RUN_LOGGING_LEVEL", "INFO"))
        return logger

    output_dir = property(lambda self: _told("output_dir"))
    working_dir = property(lambda self: _told("working_dir"))
    log_dir = property(lambda self: _told("log_dir"))
    agent_name = property(lambda self: _told("agent_name"))

    @property
    def config(self):
        """The step's settings as a dict."""
        import json

        return json.loads(_told("config"))


def _told(name):
    import os

    value = os.environ.get("AZUREML_PARALLEL_RUN_" + name.upper())
    if value is None:
        from azureml.exceptions import UserErrorException

        raise UserErrorException(
            "EntryScript().{}: this process does not run under a ParallelRunStep, so there is none. "
            "Outside of one only EntryScript().logger works.".format(name)
        )
    return value
