"""RunLogging: the log_ methods of a run. Each is one record of docs/job.md, written by the class's `_record`.

Knows shapes and messages; must not know where records go.
"""

import os

from azureml._paths import local


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)


class RunLogging:
    """Needs `_record(*records)` and `_keep_file(name, path)`."""

    _n_lost, _lost = 0, None  # metrics that could not be kept since one was

    def log(self, name, value, description="", step=None):
        """Logs one value; logging a name again makes it a list."""
        if not (type(value) is float and value - value == 0):  # what is logged a hundred thousand times
            from azureml._runs.values import is_sequence, plain

            if is_sequence(value):
                raise _user_error("run.log does not support list type. Use run.log_list instead")
            value = plain(value)
        self._metric(name, "scalar", value, description, step)

    def log_list(self, name, value, description=""):
        """Logs a list of values under one name."""
        from azureml._runs.values import is_sequence, plain_list

        if not is_sequence(value) or isinstance(value, dict):
            raise _user_error("run.log_list takes a list, but metric {!r} is a {}.".format(name, type(value).__name__))
        self._metric(name, "list", plain_list(value), description)

    def log_row(self, name, description=None, **kwargs):
        """Logs one row of a table: a column for each keyword."""
        from azureml._runs.values import is_sequence, plain

        for column, value in kwargs.items():
            if is_sequence(value):
                raise _user_error(
                    "run.log_row takes one value a column, but column {!r} of {!r} is a {}. "
                    "Use run.log_table for whole columns.".format(column, name, type(value).__name__)
                )
        self._metric(name, "row", {k: plain(v) for k, v in kwargs.items()}, description)

    def log_table(self, name, value, description=""):
        """Logs a table: {column: list of values}."""
        from azureml._runs.values import plain_table

        if not isinstance(value, dict):
            raise _user_error(
                "run.log_table takes a dictionary of columns, but metric {!r} is a {}.".format(
                    name, type(value).__name__
                )
            )
        self._metric(name, "table", plain_table(value), description)

    def log_image(self, name, path=None, plot=None, description=""):
        """Logs a picture: the file at `path`, or a matplotlib plot (a figure, or the pyplot module)."""
        if (path is None) == (plot is None):
            raise _user_error("run.log_image needs exactly one of path and plot for metric {!r}.".format(name))
        if path is not None:
            path = local(path)
            if not os.path.isfile(path):
                raise _user_error("run.log_image: there is no file {} for metric {!r}.".format(path, name))
            artifact = self._fresh_name(name, os.path.splitext(path)[1] or ".png")
            self._try_keeping(name, lambda: self._keep_file(artifact, path))
        else:
            artifact = self._fresh_name(name, ".png")
            self._try_keeping(name, lambda: self._keep_plot(artifact, plot, name))
        self._metric(name, "image", {"artifact": artifact}, description)

    def log_confusion_matrix(self, name, value, description=""):
        self._document(name, "confusion_matrix", value, description)

    def log_accuracy_table(self, name, value, description=""):
        self._document(name, "accuracy_table", value, description)

    def log_residuals(self, name, value, description=""):
        self._document(name, "residuals", value, description)

    def log_predictions(self, name, value, description=""):
        self._document(name, "predictions", value, description)

    def _document(self, name, kind, value, description):
        import json

        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise _user_error("run.log_{}: the value of {!r} is not JSON: {}.".format(kind, name, error)) from None
        if not isinstance(value, dict):
            raise _user_error(
                "run.log_{} takes a dictionary or its JSON, but {!r} is a {}.".format(kind, name, type(value).__name__)
            )
        value = json.loads(json.dumps(value, default=_json_value))
        artifact = self._fresh_name(name, ".json")
        self._try_keeping(name, lambda: self._keep_bytes(artifact, json.dumps(value).encode("utf-8")))
        self._metric(name, kind, dict(value, artifact=artifact), description)

    def _metric(self, name, kind, value, description=None, step=None):
        if not isinstance(name, str) or not name:
            raise _user_error("A metric's name must be text, but is {!r}.".format(name))
        record = {"op": "metric", "name": name, "kind": kind, "value": value}
        if description:
            record["description"] = str(description)
        if step is not None:
            record["step"] = int(step)
        self._try_keeping(name, lambda: self._record(record))

    def _try_keeping(self, name, keep):
        """What finds no room, or goes meanwhile, is told of and lost: a training of two days does not end because of a metric."""
        try:
            keep()
            if self._n_lost:
                lost, self._n_lost = self._n_lost, 0
                said = "{} metrics could not be kept, the last called {!r}: {}".format(lost, *self._lost)
                self._record({"op": "warning", "message": said})
        except Exception as error:
            if not isinstance(error, OSError) and not getattr(error, "is_of_a_file", False):
                raise
            if not self._n_lost:  # once, until one is kept again
                import sys

                sys.stderr.write("Metric {!r} was not kept: {}\n".format(name, getattr(error, "message", error)))
            self._n_lost += 1
            self._lost = (name, getattr(error, "message", error))

    def _fresh_name(self, name, suffix):
        """A file name for something logged under `name`, another one each time."""
        import time

        safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name).strip() or "image"
        return "{}_{:x}{}".format(safe, time.time_ns(), suffix)

    def _keep_plot(self, artifact, plot, name):
        import io

        save = getattr(plot, "savefig", None)
        if save is None:
            figure = getattr(plot, "figure", None)  # axes know their figure
            save = getattr(figure, "savefig", None)
        if save is None:
            raise _user_error(
                "run.log_image: the plot of {!r} is a {}, which cannot be saved. Give a matplotlib figure or pyplot.".format(
                    name, type(plot).__name__
                )
            )
        picture = io.BytesIO()
        save(picture, format="png", bbox_inches="tight")
        self._keep_bytes(artifact, picture.getvalue())


def _json_value(value):
    from azureml._runs.values import plain

    tolist = getattr(value, "tolist", None)
    return tolist() if tolist is not None else plain(value)
