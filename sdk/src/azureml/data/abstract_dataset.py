"""AbstractDataset: a definition, and the name and version under which it may be registered. Never changed, only made anew."""

from azureml._runs import observed


def _not_built(what):
    from azureml.exceptions import UserErrorException

    return UserErrorException("{} is not built yet in this version of Penstock.".format(what), code="NotBuiltYet")


_NAMED = 20


class AbstractDataset:
    """Made by Dataset.Tabular and Dataset.File."""

    _kind = None

    def __init__(self, definition=None, workspace=None, record=None):
        if definition is None:
            from azureml.exceptions import UserErrorException

            raise UserErrorException(
                "{} cannot be made directly. Use Dataset.Tabular.from_delimited_files, Dataset.File.from_files or "
                "Dataset.get_by_name.".format(type(self).__name__)
            )
        self._definition = definition
        self._workspace = workspace
        self._record = record or {}
        self._read_of = None  # the registered dataset that this one was made from

    # --- saving and finding -----------------------------------------------------------------------------------------

    def _saved_id(self, workspace):
        """The id under which the workspace knows this definition; it is saved when it is new."""
        if not self._record.get("id"):
            self._record = dict(
                self._record,
                id=workspace._call("POST", "datasets", {"kind": self._kind, "definition": self._definition})["id"],
            )
            self._workspace = self._workspace or workspace
        return self._record["id"]

    def register(self, workspace, name, description=None, tags=None, create_new_version=False, pin=False):
        """This dataset under a name: version 1, or the next when create_new_version and it is another, or its files are.

        With `pin` the bytes are kept, so that this version reads as it does now whatever becomes of its source.
        """
        body = {
            "id": self._saved_id(workspace),
            "name": name,
            "description": description,
            "tags": _labels(tags),
            "create_new_version": bool(create_new_version),
            "pin": True if pin else None,
        }
        record = workspace._call("POST", "datasets/register", {k: v for k, v in body.items() if v is not None})
        observed.wrote("dataset {}".format(record["name"]), record["version"])
        return type(self)(record["definition"], workspace, record)

    @staticmethod
    def _of(workspace, record):
        """The dataset that the server described."""
        if record["kind"] == "file":
            from azureml.data.file_dataset import FileDataset as kind
        else:
            from azureml.data.tabular_dataset import TabularDataset as kind
        return kind(record["definition"], workspace, record)

    @staticmethod
    def get_by_name(workspace, name, version="latest", **kwargs):
        """The registered dataset of that name (and version)."""
        query = {"name": name}
        if version not in ("latest", None):
            query["version"] = _version(version)
        found = workspace._values("datasets", query)
        record = max(found, key=lambda r: r["version"] or 0) if found else None
        observed.read("dataset", "{}:{}".format(name, query.get("version", "latest")), record and record["id"])
        if not found:
            from azureml.exceptions import UserErrorException

            names = sorted({record["name"] for record in workspace._values("datasets", {})})
            more = " and {} more".format(len(names) - _NAMED) if len(names) > _NAMED else ""
            raise UserErrorException(
                'Cannot find dataset registered with name "{}"{} in the workspace. There are: {}{}.'.format(
                    name,
                    "" if "version" not in query else " (version: {})".format(query["version"]),
                    ", ".join(names[:_NAMED]) or "none yet",
                    more,
                )
            )
        return AbstractDataset._of(workspace, record)

    @staticmethod
    def get_by_id(workspace, id, **kwargs):
        """The dataset with this id."""
        from azureml._client.client import segment

        return AbstractDataset._of(workspace, workspace._call("GET", "datasets/" + segment(id)))

    @staticmethod
    def get_all(workspace):
        """A mapping of the registered datasets by name."""
        from azureml.data._registered import RegisteredDatasets

        return RegisteredDatasets(workspace)

    def unregister_all_versions(self):
        """Takes the name away; what uses the dataset by id goes on."""
        if self.name:
            self._workspace._call("DELETE", "datasets", None, {"name": self.name})
            self._record = dict(self._record, name=None, version=None)

    def update(self, description=None, tags=None):
        """The registered dataset with another description or other tags."""
        return self._relabeled(self.tags if tags is None else _labels(tags), description)

    def add_tags(self, tags=None):
        return self._relabeled(dict(self.tags or {}, **(_labels(tags) or {})))

    def remove_tags(self, tags=None):
        gone = [tags] if isinstance(tags, str) else list(tags or ())
        return self._relabeled({k: v for k, v in (self.tags or {}).items() if k not in gone})

    def _relabeled(self, tags, description=None):
        if not self.name:
            raise _not_built("Changing the tags of a dataset that is not registered")
        body = {"id": self.id, "name": self.name, "tags": tags or {}}
        if description is not None:
            body["description"] = description
        self._record = self._workspace._call("POST", "datasets/register", body)
        observed.wrote("labels of dataset {}".format(self.name))
        return self

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def name(self):
        return self._record.get("name")

    @property
    def id(self):
        return self._record.get("id")

    @property
    def version(self):
        return self._record.get("version")

    @property
    def description(self):
        return self._record.get("description")

    @property
    def tags(self):
        return self._record.get("tags")

    @property
    def data_changed_time(self):
        return None

    @property
    def partition_keys(self):
        import re

        return re.findall(r"\{(\w+)", self._definition.get("partition_format") or "")

    def get_partition_key_values(self, partition_keys=None):
        """The different values of the partition keys, [{key: value}], in the files' order."""
        from azureml.data import _paths, _schema, _types

        keys = list(partition_keys or self.partition_keys)
        unknown = [k for k in keys if k not in self.partition_keys]
        if unknown or not keys:
            from azureml.exceptions import UserErrorException

            raise UserErrorException(
                "The dataset has no partition key {}. It has: {}.".format(
                    ", ".join(map(repr, unknown)) or "at all", ", ".join(self.partition_keys) or "none"
                )
            )
        files = _paths.sources(self._definition["paths"], self._workspace)
        texts = [_schema.of_path(self._definition, source) for source in files]
        kinds = _schema.path_types(self._definition, files)
        columns = [_types.column([t[k] for t in texts], kinds[k], None, "null", "null").tolist() for k in keys]
        return [dict(zip(keys, values)) for values in dict.fromkeys(zip(*columns))]

    def as_named_input(self, name):
        """This dataset as the input `name` of a step."""
        from azureml.data.dataset_consumption_config import DatasetConsumptionConfig

        return DatasetConsumptionConfig(name, self, "direct")

    def _with(self, operation):
        """A dataset like this one, with one more operation."""
        operations = list(self._definition.get("operations") or ()) + [operation]
        return self._derived(dict(self._definition, operations=operations))

    def _derived(self, definition):
        made = type(self)(definition, self._workspace)
        made._read_of = self._record if self.name else self._read_of
        return made

    def _say_drift(self):
        """Says once, before the data are read, that the files of a registered version are others than they were."""
        record = self._record if self.name else self._read_of
        if record is None:
            return
        key = (self._workspace.name, record["name"], record["version"])
        if key in _looked_at:
            return
        _looked_at.add(key)
        query = {"name": record["name"], "version": record["version"]}
        found = self._workspace._call("GET", "datasets/drift", None, query)
        if found["changed"]:
            import sys

            print("Warning: " + found["message"], file=sys.stderr)

    def _repr_html_(self):
        from azureml._runs.html import labels, table

        paths = self._definition["paths"]
        places = [p.get("url") or "{}/{}".format(p.get("datastore"), p.get("path") or "") for p in paths[:5]]
        more = " and {} more".format(len(paths) - 5) if len(paths) > 5 else ""
        rows = [("Dataset", type(self).__name__, None), ("Name", self._record.get("name"), None)]
        rows += [("Version", self._record.get("version"), None), ("Source", ", ".join(places) + more, None)]
        return table(rows + [("Tags", labels(self._record.get("tags")), None)])

    def __repr__(self):
        import json

        registration = {k: self._record[k] for k in ("id", "name", "version") if self._record.get(k) is not None}
        shown = {"source": self._definition["paths"], "definition": self._definition.get("operations") or []}
        if registration:
            shown["registration"] = registration
        return "{}\n{}".format(type(self).__name__, json.dumps(shown, indent=2))


_looked_at = set()  # (workspace, name, version): whether its files changed is asked once a process


def _labels(tags):
    return None if tags is None else {str(k): "" if v is None else str(v) for k, v in tags.items()}


def _version(version):
    try:
        if isinstance(version, bool) or int(version) != float(version):
            raise ValueError(version)
        return int(version)
    except (TypeError, ValueError):
        from azureml.exceptions import UserErrorException

        raise UserErrorException("A dataset's version is a number or 'latest', not {!r}.".format(version)) from None
