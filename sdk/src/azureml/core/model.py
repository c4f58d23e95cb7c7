"""Model: files kept under a name and a version."""

import os

import azureml._sentinel  # noqa: F401
from azureml._names import reexport, typed
from azureml._paths import absolute, local
from azureml._runs import observed
from azureml.core.run import _not_built, _segment

__getattr__, __dir__ = reexport(__name__, {"Dataset": "azureml.core.dataset"})


def _webservice_error(message, **kwargs):
    from azureml.exceptions import WebserviceException

    return WebserviceException(message, **kwargs)


class Model:
    """`Model(workspace, name)` is the latest version; WebserviceException when there is none."""

    class Framework:
        """Names for what a model was made with."""

        CUSTOM = "Custom"
        TENSORFLOW = "TensorFlow"
        SCIKITLEARN = "ScikitLearn"
        ONNX = "Onnx"
        MULTI = "Multi"

    def __init__(
        self,
        workspace,
        name=None,
        id=None,
        tags=None,
        properties=None,
        version=None,
        run_id=None,
        model_framework=None,
        expand=True,
        **kwargs,
    ):
        self.workspace = workspace
        record = kwargs.get("_record")
        self._record = (
            record
            if record is not None
            else _found(workspace, name, id, tags, properties, version, run_id, model_framework)
        )

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def name(self):
        return self._record["name"]

    @property
    def version(self):
        return int(self._record["version"])

    @property
    def id(self):
        return self._record["id"]

    tags = typed(dict, lambda self: dict(self._record.get("tags") or {}))
    properties = typed(dict, lambda self: dict(self._record.get("properties") or {}))

    @property
    def description(self):
        return self._record.get("description")

    @property
    def run_id(self):
        return self._record.get("run_id")

    @property
    def run(self):
        """The run that made the model, or None."""
        return self.workspace.get_run(self.run_id) if self.run_id else None

    @property
    def experiment_name(self):
        return self._record.get("experiment")

    @property
    def created_time(self):
        from datetime import datetime, timezone

        text = self._record["created_at"].rstrip("Z")
        form = "%Y-%m-%dT%H:%M:%S.%f" if "." in text else "%Y-%m-%dT%H:%M:%S"
        return datetime.strptime(text, form).replace(tzinfo=timezone.utc)

    @property
    def model_framework(self):
        return self._record.get("framework")

    @property
    def model_framework_version(self):
        return self._record.get("framework_version")

    @property
    def url(self):
        return "aml://asset/{}".format(self.id)

    @property
    def datasets(self):
        return {}

    # --- registering and finding ------------------------------------------------------------------------------------

    @staticmethod
    def register(
        workspace,
        model_path,
        model_name,
        tags=None,
        properties=None,
        description=None,
        datasets=None,
        model_framework=None,
        model_framework_version=None,
        child_paths=None,
        sample_input_dataset=None,
        sample_output_dataset=None,
        resource_configuration=None,
    ):
        """Registers a local file or folder as the next version of `model_name`."""
        from azureml._client.tars import tree_entries

        path = absolute(model_path)
        if not os.path.exists(path):
            raise _webservice_error(
                "Error, provided model path {} cannot be found. Give the path of a local file or folder.".format(path)
            )
        entries = tree_entries(path)
        if not entries:
            raise _webservice_error("The folder {} holds no files, so there is no model to register.".format(path))
        print("Registering model {}".format(model_name))
        upload = workspace._client.upload_tar("/uploads", entries)["id"]
        values = {
            "tags": tags,
            "properties": properties,
            "description": description,
            "framework": model_framework,
            "framework_version": model_framework_version,
        }
        run_id = os.environ.get("AZUREML_RUN_ID") if os.environ.get("PENSTOCK_JOB") else None
        return Model._register(workspace, model_name, {"upload": upload}, run_id, values)

    @staticmethod
    def _register(workspace, name, source, run_id, values):
        """The Model of POST models; tags and property values become text."""
        body = {"name": name, "source": source, "run_id": run_id, "description": values.get("description")}
        body["key"] = os.urandom(16).hex()  # the same registration when it has to be sent again
        for field in ("tags", "properties"):
            body[field] = _labels(values.get(field))
        for field in ("framework", "framework_version"):
            body[field] = None if values.get(field) is None else str(values[field])
        record = workspace._call("POST", "models", body, error=_webservice_error)
        observed.wrote("model {}".format(record["name"]), record["version"])
        return Model(workspace, _record=record)

    @staticmethod
    def list(
        workspace,
        name=None,
        tags=None,
        properties=None,
        run_id=None,
        latest=False,
        dataset_id=None,
        expand=True,
        page_count=255,
        model_framework=None,
    ):
        """The models, newest first. `tags` and `properties` are [key] or [[key, value]]."""
        records = _records(workspace, name, tags, properties, run_id, latest, model_framework)
        observed.read_models(name, records, not (tags or properties or run_id or model_framework))
        return [Model(workspace, _record=r) for r in records]

    @staticmethod
    def get_model_path(model_name, version=None, _workspace=None):
        """The local path of a model: in a run it is downloaded below azureml-models; elsewhere it is looked for there."""
        from azureml.exceptions import ModelNotFoundException, UserErrorException

        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            raise UserErrorException("version should be an int, not {!r}.".format(version))
        workspace = _workspace
        if workspace is None:
            from azureml._client.journal import own_journal

            if own_journal() is not None:
                from azureml._runs.context import workspace_from_environment

                workspace = workspace_from_environment()
        if workspace is None:
            return _downloaded_before(model_name, version)
        try:
            model = Model(workspace, model_name, version=version)
        except Exception as error:
            if getattr(error, "status_code", None) != 404:
                raise
            raise ModelNotFoundException(error.message) from None
        return model._kept_in("azureml-models")

    def _kept_in(self, folder):
        """The path of this model's files in `<folder>/<name>/<version>`, downloaded once."""
        home = os.path.join(folder, self.name, str(self.version))
        target = os.path.join(home, self._record["entry"])
        if not os.path.exists(target):
            self._unpack(home)
        return target

    def download(self, target_dir=".", exist_ok=False, exists_ok=None):
        """Downloads the model's file or folder into `target_dir`; its path."""
        exist_ok = bool(exist_ok or exists_ok)
        target_dir = local(target_dir)
        target = os.path.join(target_dir, self._record["entry"])
        if os.path.exists(target) and not exist_ok:
            raise _webservice_error(
                "File already exists. To overwrite, set exist_ok to True. {}".format(os.path.abspath(target))
            )
        self._unpack(target_dir)
        return target

    def _unpack(self, folder):
        """The model's files in `folder`: unpacked beside it, then moved there whole."""
        import shutil
        import tempfile

        from azureml._client.tars import unpack

        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".penstock-") as stage:
            with tempfile.TemporaryFile(dir=stage) as content:
                self.workspace._client.get_file(
                    "/ws/{}/{}/content".format(_segment(self.workspace.name), self._path()),
                    content,
                    error=_webservice_error,
                )
                content.seek(0)
                entry = unpack(content, os.path.join(stage, "model"))
            target = os.path.join(folder, entry)
            if os.path.isdir(target) and not os.path.islink(target):
                shutil.rmtree(target)
            os.replace(os.path.join(stage, "model", entry), target)

    def _path(self):
        return "models/{}/{}".format(_segment(self.name), self.version)

    # --- changing ---------------------------------------------------------------------------------------------------

    def delete(self):
        """Deletes this version."""
        self.workspace._call("DELETE", self._path(), error=_webservice_error)

    def _put(self, **values):
        self._record = self.workspace._call("PUT", self._path(), values, error=_webservice_error)

    def add_tags(self, tags):
        self._put(tags=dict(self.tags, **_labels(tags)))

    def remove_tags(self, tags):
        names = [tags] if isinstance(tags, str) else list(tags)
        self._put(tags={k: v for k, v in self.tags.items() if k not in names})

    def add_properties(self, properties):
        """Adds properties; one that is there stays as it is."""
        self._put(properties=dict(_labels(properties), **self.properties))

    def update(
        self,
        tags=None,
        description=None,
        sample_input_dataset=None,
        sample_output_dataset=None,
        resource_configuration=None,
    ):
        """Replaces the tags or the description."""
        values = {}
        if tags is not None:
            values["tags"] = _labels(tags)
        if description is not None:
            values["description"] = str(description)
        if values:
            self._put(**values)

    def update_tags_properties(self, add_tags=None, remove_tags=None, add_properties=None):
        gone = [remove_tags] if isinstance(remove_tags, str) else list(remove_tags or ())
        tags = dict({k: v for k, v in self.tags.items() if k not in gone}, **_labels(add_tags))
        self._put(tags=tags, properties=dict(_labels(add_properties), **self.properties))

    def serialize(self):
        """The model as a dictionary."""
        record = self._record
        return {
            "createdTime": record["created_at"],
            "description": self.description,
            "experimentName": self.experiment_name,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "id": self.id,
            "name": self.name,
            "properties": self.properties,
            "runId": self.run_id or "",
            "tags": self.tags,
            "url": self.url,
            "version": self.version,
        }

    @staticmethod
    def deserialize(workspace, model_payload):
        return Model(workspace, id=model_payload["id"])

    def add_dataset_references(self, datasets):
        raise _not_built("Model.add_dataset_references")

    def get_sas_urls(self):
        raise _not_built("Model.get_sas_urls")

    @staticmethod
    def deploy(
        workspace,
        name,
        models,
        inference_config=None,
        deployment_config=None,
        deployment_target=None,
        overwrite=False,
        show_output=False,
    ):
        raise _not_built("Model.deploy")

    @staticmethod
    def package(workspace, models, inference_config=None, generate_dockerfile=False, image_name=None, image_label=None):
        raise _not_built("Model.package")

    @staticmethod
    def profile(
        workspace, profile_name, models, inference_config, input_dataset, cpu=None, memory_in_gb=None, description=None
    ):
        raise _not_built("Model.profile")

    @staticmethod
    def print_configuration(models, inference_config, deployment_config, deployment_target):
        raise _not_built("Model.print_configuration")

    def _repr_html_(self):
        from azureml._runs.html import labels, table

        rows = [("Model", self.name, None), ("Version", self.version, None), ("Id", self.id, None)]
        rows += [("Tags", labels(self.tags), None), ("Properties", labels(self.properties), None)]
        return table(rows + [("Run", self.run_id, None)])

    def __repr__(self):
        return "Model(workspace={!r}, name={}, id={}, version={}, tags={}, properties={})".format(
            self.workspace, self.name, self.id, self.version, self.tags, self.properties
        )


class InferenceConfig:
    """How a model answers requests; recorded only, since deploying is not built."""

    def __init__(
        self,
        entry_script,
        runtime=None,
        conda_file=None,
        extra_docker_file_steps=None,
        source_directory=None,
        enable_gpu=None,
        description=None,
        base_image=None,
        base_image_registry=None,
        cuda_version=None,
        environment=None,
    ):
        for name, value in list(locals().items()):
            if name != "self":
                setattr(self, name, value)


class ModelPackage:
    """A model made into an image: not built."""

    def __init__(self, workspace, operation_id, environment):
        raise _not_built("ModelPackage")


class ModelProfile:
    """How fast a model answers: not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("ModelProfile")


def _found(workspace, name, id, tags, properties, version, run_id, framework):
    """The record of the model meant; WebserviceException when there is none."""
    if id is not None:
        name, _, text = str(id).rpartition(":")
        version = text
    if name is None:
        raise _webservice_error("A model needs a name or an id of the form name:version.")
    if version is not None:
        path = "models/{}/{}".format(_segment(name), _number(version))
        try:
            record = workspace._call("GET", path, error=_webservice_error)
        except Exception as error:
            if getattr(error, "status_code", None) != 404:
                raise
            observed.read_model(name, _number(version), None)
            raise _missing("Model with id {}:{}".format(name, version)) from None
        observed.read_model(name, _number(version), record["version"])
        return record
    found = _records(workspace, name, tags, properties, run_id, False, framework)
    latest = max(found, key=lambda record: int(record["version"])) if found else None
    if tags or properties or run_id or framework:
        observed.read_models(name, found, False)
    else:
        observed.read_model(name, None, latest and latest["version"])
    if latest is None:
        raise _missing("Model with name {}".format(name))
    return latest


def _records(workspace, name, tags, properties, run_id, latest, framework):
    query = {"name": name, "run_id": run_id, "latest": 1 if latest else None}
    for prefix, labels in (("tag.", tags), ("property.", properties)):
        for key, value in _wanted(labels):
            query[prefix + key] = value
    return [r for r in workspace._values("models", query) if framework in (None, r.get("framework"))]


def _missing(what):
    return _webservice_error("ModelNotFound: {} not found in provided workspace".format(what), status_code=404)


def _number(version):
    try:
        if isinstance(version, bool) or int(version) != float(version):
            raise ValueError(version)
        return int(version)
    except (TypeError, ValueError):
        raise _webservice_error("A model's version is a number, not {!r}.".format(version)) from None


def _labels(labels):
    return {str(k): "" if v is None else str(v) for k, v in (labels or {}).items()}


def _wanted(labels):
    """(key, value or '') of the ways in which labels to look for are given."""
    if isinstance(labels, dict):
        return [(str(k), "" if v is None else str(v)) for k, v in labels.items()]
    found = []
    for entry in [labels] if isinstance(labels, str) else labels or ():
        key, value = (entry, "") if isinstance(entry, str) else (entry[0], entry[1] if len(entry) > 1 else "")
        found.append((str(key), str(value)))
    return found


def _downloaded_before(name, version):
    from azureml.exceptions import ModelNotFoundException

    home = os.path.join("azureml-models", name)
    versions = sorted((int(v) for v in os.listdir(home) if v.isdigit()), reverse=True) if os.path.isdir(home) else []
    chosen = version if version is not None else (versions[0] if versions else None)
    if chosen in versions:
        entries = sorted(e for e in os.listdir(os.path.join(home, str(chosen))) if not e.startswith(".penstock-"))
        if entries:
            return os.path.join(home, str(chosen), entries[0])
    raise ModelNotFoundException(
        "Model {}{} not found in {}, and this is no submitted run that could ask for it. "
        "Use Model(workspace, name).download().".format(
            name, "" if version is None else ":{}".format(version), os.path.abspath("azureml-models")
        )
    )
