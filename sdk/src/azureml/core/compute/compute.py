"""ComputeTarget: a named place where steps run. It is registered with the workspace; what it maps to is the server's matter."""

from azureml.exceptions import ComputeTargetException, UserErrorException

RESERVED_NAMES = ("amlcompute", "local", "containerinstance")
_HOMES = {
    "AmlCompute": ("amlcompute", "AmlCompute"),
    "ComputeInstance": ("computeinstance", "ComputeInstance"),
    "AKS": ("attached", "AksCompute"),
    "Batch": ("attached", "BatchCompute"),
    "DSVM": ("attached", "DsvmCompute"),
    "DataFactory": ("attached", "DataFactoryCompute"),
    "DataLakeAnalytics": ("attached", "AdlaCompute"),
    "Databricks": ("attached", "DatabricksCompute"),
    "HDInsight": ("attached", "HDInsightCompute"),
    "Kubernetes": ("attached", "KubernetesCompute"),
    "Kusto": ("attached", "KustoCompute"),
    "SynapseSpark": ("attached", "SynapseCompute"),
    "VirtualMachine": ("attached", "RemoteCompute"),
}


class ComputeConfiguration:
    """What `provisioning_configuration` and `attach_configuration` give: a type and its settings."""

    def __init__(self, compute_type, settings, tags=None, description=None):
        self._compute_type = compute_type
        self._settings = settings
        self.tags = tags
        self.description = description
        self.__dict__.update(settings)

    def validate_configuration(self):
        """Raises UserErrorException for settings that cannot be; those that are known wrong are refused when made."""


class ComputeTarget:
    """`ComputeTarget(workspace, name)` gives the compute of that name as the class of its type."""

    _compute_type = None

    def __new__(cls, workspace, name):
        if workspace is None or name is None:
            return object.__new__(cls)
        row = _get(workspace, name)
        found = class_of(row.get("type"))
        if cls is not ComputeTarget and found is not cls:
            raise ComputeTargetException(
                "Compute target '{}' is of type {}, not {}. Use ComputeTarget(workspace, name).".format(
                    name, row.get("type"), cls._compute_type
                )
            )
        target = object.__new__(found)
        target._fill(workspace, row)
        return target

    def __init__(self, workspace, name):
        if workspace is None or name is None:
            raise UserErrorException("A compute target needs a workspace and a name.")

    @classmethod
    def _from_row(cls, workspace, row):
        """The compute that a row of the API describes; no request is made."""
        target = object.__new__(class_of(row.get("type")))
        target._fill(workspace, row)
        return target

    def _fill(self, workspace, row):
        self.workspace = workspace
        self._row = row

    # --- facts ------------------------------------------------------------------------------------------------------------

    name = property(lambda self: self._row["name"])
    type = property(lambda self: self._row.get("type"))
    settings = property(lambda self: self._row.get("settings") or {})
    location = property(lambda self: self.settings.get("location") or getattr(self.workspace, "location", None))
    tags = property(lambda self: self.settings.get("tags"))
    description = property(lambda self: self.settings.get("description"))
    created_on = property(lambda self: self._row.get("created_at"))
    modified_on = property(lambda self: self._row.get("created_at"))
    provisioning_state = property(lambda self: "Succeeded")
    provisioning_errors = property(lambda self: None)
    is_attached = property(lambda self: self.type not in ("AmlCompute", "ComputeInstance"))

    @property
    def id(self):
        return (
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.MachineLearningServices"
            "/workspaces/{}/computes/{}".format(
                getattr(self.workspace, "subscription_id", None),
                getattr(self.workspace, "resource_group", None),
                self.workspace.name,
                self.name,
            )
        )

    @property
    def cluster_resource_id(self):
        return self.settings.get("resource_id") or self.id

    def get_status(self):
        return self.provisioning_state

    @property
    def status(self):
        return self.get_status()

    def __repr__(self):
        return "{}(workspace={!r}, name={!r}, type={!r}, provisioning_state={!r})".format(
            type(self).__name__, self.workspace.name, self.name, self.type, self.provisioning_state
        )

    def serialize(self):
        return {
            "id": self.id,
            "name": self.name,
            "location": self.location,
            "tags": self.tags,
            "type": self.type,
            "provisioningState": self.provisioning_state,
            "properties": dict(self.settings),
        }

    @classmethod
    def deserialize(cls, workspace, object_dict):
        """The compute that `serialize` gave the dict of."""
        row = {"name": object_dict["name"], "type": object_dict.get("type"), "settings": object_dict.get("properties")}
        return cls._from_row(workspace, row)

    # --- verbs ------------------------------------------------------------------------------------------------------------

    @staticmethod
    def create(workspace, name, provisioning_configuration):
        """Registers a compute and gives it back, ready."""
        return _put(workspace, name, provisioning_configuration)

    @staticmethod
    def attach(workspace, name, attach_configuration):
        """Registers a compute that exists elsewhere. Penstock: any succeeds; what runs on it is decided by its type and name."""
        return _put(workspace, name, attach_configuration)

    @staticmethod
    def list(workspace):
        return [ComputeTarget._from_row(workspace, row) for row in workspace._call("GET", "computes")["value"]]

    def refresh_state(self):
        self._row = _get(self.workspace, self.name)

    def wait_for_completion(self, show_output=False, is_delete_operation=False):
        """Returns at once: a registered compute is ready."""
        if show_output:
            print("Succeeded")
            print('Provisioning operation finished, operation "Succeeded"')

    def delete(self):
        self.workspace._call("DELETE", "computes/" + quoted(self.name))

    def detach(self):
        self.delete()


def class_of(compute_type):
    """The class of a type as the API spells it; ComputeTarget for one without a class."""
    home = _HOMES.get(compute_type)
    if home is None:
        return ComputeTarget
    return getattr(__import__("azureml.core.compute." + home[0], fromlist=[home[1]]), home[1])


def quoted(name):
    from urllib.parse import quote

    return quote(name, safe="")


def _get(workspace, name):
    if not isinstance(name, str) or not name:
        raise UserErrorException("A compute target's name must be text, but is {!r}.".format(name))
    try:
        return workspace._call("GET", "computes/" + quoted(name))
    except UserErrorException as error:
        if error.status_code != 404 and error.code != "NotFound":
            raise
        raise ComputeTargetException(
            "ComputeTargetNotFound: Compute Target with name {} not found in provided workspace".format(name)
        ) from None


def check_name(name):
    if not isinstance(name, str) or not name or "\0" in name or "/" in name:
        raise UserErrorException("Compute name {!r} is not valid: use letters, digits and dashes.".format(name))
    if name.lower() in RESERVED_NAMES:
        raise UserErrorException(
            "Compute name '{}' is reserved. Choose another; {} cannot be used.".format(name, ", ".join(RESERVED_NAMES))
        )


def _put(workspace, name, configuration):
    check_name(name)
    if not isinstance(configuration, ComputeConfiguration):
        raise UserErrorException(
            "A compute is made from what provisioning_configuration or attach_configuration gives, not from {}.".format(
                type(configuration).__name__
            )
        )
    configuration.validate_configuration()
    settings = {key: value for key, value in configuration._settings.items() if value is not None}
    row = workspace._call(
        "PUT", "computes/" + quoted(name), {"name": name, "type": configuration._compute_type, "settings": settings}
    )
    return ComputeTarget._from_row(workspace, row)


def active_runs(target, type=None, tags=None, properties=None, status=None):
    """The runs on `target` that have not ended, newest first."""
    from azureml.core.run import Run

    query = {"include_children": "1", "status": status or "Running"}
    for row in workspace_runs(target.workspace, query):
        if row.get("target") == target.name and (type is None or row.get("type") == type):
            yield Run.get(target.workspace, row["id"])


def workspace_runs(workspace, query):
    while True:
        page = workspace._call("GET", "runs", query=query)
        for row in page["value"]:
            yield row
        if not page.get("next"):
            return
        query = dict(query, cursor=page["next"])
