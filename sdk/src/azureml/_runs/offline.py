"""_OfflineRun: what Run.get_context() gives outside a submitted run. Prints what would be logged; keeps nothing."""

import os


class _OfflineRun:
    """Has no `experiment`: code asks for it to learn whether it runs in the service."""

    def __init__(self, parent_logger=None, run_id=None):
        self._id = run_id or "OfflineRun_{}".format(os.urandom(16).hex())
        self._tags = {}
        self._properties = {}
        self._parent = None
        self.input_datasets = {}
        self.output_datasets = {}

    def __repr__(self):
        return "OfflineRun(id={})".format(self._id)

    @property
    def id(self):
        return self._id

    @property
    def name(self):
        return self._id

    @property
    def parent(self):
        return self._parent

    @property
    def status(self):
        return "Running"

    @property
    def tags(self):
        return dict(self._tags)

    @property
    def properties(self):
        return dict(self._properties)

    def _log(self, kind, name, value):
        print("Attempted to log {} metric {}:\n{}".format(kind, name, value))

    def log(self, name, value, description="", step=None):
        self._log("scalar", name, value)

    def log_list(self, name, value, description=""):
        self._log("list", name, value)

    def log_row(self, name, description=None, **kwargs):
        self._log("row", name, kwargs)

    def log_table(self, name, value, description=""):
        self._log("table", name, value)

    def log_image(self, name, path=None, plot=None, description=""):
        self._log("image", name, path if path is not None else plot)

    def log_confusion_matrix(self, name, value, description=""):
        self._log("confusion matrix", name, value)

    def log_accuracy_table(self, name, value, description=""):
        self._log("accuracy table", name, value)

    def log_residuals(self, name, value, description=""):
        self._log("residuals", name, value)

    def log_predictions(self, name, value, description=""):
        self._log("predictions", name, value)

    def tag(self, key, value=None):
        self._tags[str(key)] = None if value is None else str(value)

    def set_tags(self, tags):
        for key, value in tags.items():
            self.tag(key, value)

    def remove_tags(self, tags):
        for key in [tags] if isinstance(tags, str) else tags:
            self._tags.pop(key, None)

    def get_tags(self):
        return dict(self._tags)

    def add_properties(self, properties):
        for key, value in properties.items():
            self._properties.setdefault(str(key), str(value))

    def get_properties(self):
        return dict(self._properties)

    def get_metrics(self, name=None, recursive=False, run_type=None, populate=False):
        return {}

    def get_status(self):
        return "Running"

    def get_details(self):
        return {"runId": self._id, "status": "Running"}

    def get_children(self, *args, **kwargs):
        return iter(())

    def get_file_names(self):
        return []

    def get_portal_url(self):
        return ""

    def upload_file(self, name, path_or_stream, datastore_name=None):
        print("Attempted to upload file {}:\n{}".format(name, path_or_stream))

    def upload_files(self, names, paths, return_artifacts=False, timeout_seconds=None, datastore_name=None):
        for name, path in zip(names, paths):
            self.upload_file(name, path)

    def upload_folder(self, name, path, datastore_name=None):
        print("Attempted to upload folder {}:\n{}".format(name, path))

    def register_model(self, model_name, model_path=None, *args, **kwargs):
        print("Attempted to register model {}:\n{}".format(model_name, model_path))

    def child_run(self, name=None, run_id=None, outputs=None):
        child = _OfflineRun(run_id=run_id)
        child._parent = self
        return child

    def create_children(self, count=None, tag_key=None, tag_values=None):
        return [self.child_run() for _ in range(count if count is not None else len(tag_values))]

    def start(self):
        pass

    def flush(self, timeout_seconds=300):
        pass

    def complete(self, _set_status=True):
        pass

    def fail(self, error_details=None, error_code=None, _set_status=True):
        pass

    def cancel(self):
        pass

    def wait_for_completion(self, show_output=False, wait_post_processing=False, raise_on_error=True):
        return self.get_details()

    def get_secret(self, name):
        from azureml.exceptions import RunEnvironmentException

        raise RunEnvironmentException(
            "The secret {!r} is not available outside a submitted run. Use Keyvault on the workspace.".format(name)
        )

    def get_secrets(self, secrets):
        return {name: self.get_secret(name) for name in secrets}

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        return False
