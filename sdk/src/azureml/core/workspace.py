"""Workspace: the name under which everything is kept, and the mappings of what it holds. Asks the server when it is asked."""

import json
import os
import sys

import azureml._sentinel  # noqa: F401
from azureml._paths import absolute

_PROVIDER = "Microsoft.MachineLearningServices"


def _user_error(message, **kwargs):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message, **kwargs)


def _not_built(what):
    return _user_error("Workspace.{} is not built yet in this version of Penstock.".format(what), code="NotBuiltYet")


class Workspace:
    """An embedded server makes a workspace that is not there yet; a shared one names those that are."""

    DEFAULT_CPU_CLUSTER_CONFIGURATION = None
    DEFAULT_GPU_CLUSTER_CONFIGURATION = None

    def __init__(
        self,
        subscription_id,
        resource_group,
        workspace_name,
        auth=None,
        _location=None,
        _disable_service_check=False,
        _workspace_id=None,
        sku="basic",
        tags=None,
        _cloud="AzureCloud",
    ):
        if not isinstance(workspace_name, str) or not workspace_name:
            raise _user_error("workspace_name must be text, but is {!r}.".format(workspace_name))
        self._name = workspace_name
        self._subscription_id = "" if subscription_id is None else str(subscription_id)
        self._resource_group = "" if resource_group is None else str(resource_group)
        self._auth = _checked(auth)
        self._url = None
        self._sku = sku
        self._kept = None
        self._graphs = {}
        if not _disable_service_check:
            self._ensure({"tags": tags, "location": _location})

    @classmethod
    def _of(cls, name, subscription_id, resource_group, auth=None):
        """A workspace that is known to exist; nothing is asked."""
        return cls(subscription_id, resource_group, name, auth, _disable_service_check=True)

    @classmethod
    def _recorded(cls, record, auth):
        """The workspace of a server's record."""
        workspace = cls._of(record["name"], record["subscription_id"], record["resource_group"], auth)
        workspace._kept = record
        return workspace

    # --- the server -------------------------------------------------------------------------------------------------

    @property
    def _client(self):
        from azureml._client.client import shared

        return shared(self._url, self._auth)

    def _call(self, method, path, body=None, query=None, error=None):
        """Parsed JSON of a call; `path` is below this workspace, or below /api/v1 when it starts with a slash."""
        if not path.startswith("/"):
            path = "/ws/{}/{}".format(_segment(self._name), path)
        return self._client.call(method, path, body, query, error)

    def _ensure(self, body):
        """Has an embedded server make it, if it is new there."""
        if self._put(body):
            print("Workspace '{}' was not known here: it was made.".format(self._name), file=sys.stderr)

    def _put(self, body):
        """Whether the workspace is new."""
        from azureml.exceptions import WorkspaceException

        if "/" in self._name:  # no address leads to it
            raise WorkspaceException(
                "The workspace name {!r} is invalid. Use letters, digits, '-', '_' and '.', starting with a letter or "
                "digit.".format(self._name)
            )
        body = {k: v for k, v in body.items() if v is not None}
        body.update(subscription_id=self._subscription_id, resource_group=self._resource_group)
        path = "/workspaces/" + _segment(self._name)
        status, self._kept = self._client.call_for_status("PUT", path, body, error=WorkspaceException)
        return status == 201

    @property
    def _record(self):
        if self._kept is None:
            self._kept = self._call("GET", "/workspaces/" + _segment(self._name))
        return self._kept

    def _values(self, collection, query=None):
        answer = self._call("GET", collection, None, query)
        return answer["value"] if isinstance(answer, dict) else answer

    # --- getting one ------------------------------------------------------------------------------------------------

    @staticmethod
    def create(
        name,
        auth=None,
        subscription_id=None,
        resource_group=None,
        location=None,
        create_resource_group=True,
        sku="basic",
        tags=None,
        friendly_name=None,
        storage_account=None,
        key_vault=None,
        app_insights=None,
        container_registry=None,
        adb_workspace=None,
        primary_user_assigned_identity=None,
        cmk_keyvault=None,
        resource_cmk_uri=None,
        hbi_workspace=False,
        default_cpu_compute_target=None,
        default_gpu_compute_target=None,
        private_endpoint_config=None,
        private_endpoint_auto_approval=True,
        exist_ok=False,
        show_output=True,
        user_assigned_identity_for_cmk_encryption=None,
        system_datastores_auth_mode="accessKey",
        v1_legacy_mode=None,
    ):
        """A new workspace; WorkspaceException when there is one of that name and exist_ok is False."""
        workspace = Workspace(subscription_id, resource_group, name, auth, _disable_service_check=True, sku=sku)
        workspace._put({"location": location, "tags": tags, "create": True, "exist_ok": bool(exist_ok)})
        return workspace

    @staticmethod
    def get(name, auth=None, subscription_id=None, resource_group=None, location=None, cloud="AzureCloud", id=None):
        """The workspace called `name`. With a name alone it must be there; whoever says where it is, has it made (docs/differences.md)."""
        if subscription_id is None and resource_group is None:
            from azureml._client.client import shared
            from azureml.exceptions import WorkspaceException

            path = "/workspaces/" + _segment(name)
            record = shared(None, _checked(auth)).call("GET", path, error=WorkspaceException)
            return Workspace._recorded(record, auth)
        return Workspace(subscription_id, resource_group, name, auth, _location=location)

    @staticmethod
    def list(subscription_id, auth=None, resource_group=None):
        """{name: [Workspace]} of the server's workspaces in this subscription (and resource group)."""
        from azureml._client.client import shared

        found = {}
        for record in shared(None, _checked(auth)).call("GET", "/workspaces")["value"]:
            same_group = resource_group in (None, record["resource_group"])
            if subscription_id in (None, record["subscription_id"]) and same_group:
                found.setdefault(record["name"], []).append(Workspace._recorded(record, auth))
        return found

    @staticmethod
    def setup():
        """The workspace of the nearest config.json."""
        return Workspace.from_config()

    @staticmethod
    def from_config(path=None, auth=None, _logger=None, _file_name=None):
        """The workspace named by a configuration file: `path` itself, or the nearest one from `path` (or here) upwards.

        A `penstock_url` in it names the server, unless PENSTOCK_URL does.
        """
        from azureml._client.config import find_config, read_config

        found = read_config(find_config(path, _file_name))
        workspace = Workspace._of(found.workspace_name, found.subscription_id, found.resource_group, auth)
        workspace._url = found.penstock_url
        workspace._ensure({})
        return workspace

    def write_config(self, path=None, file_name=None):
        """Writes `<path>/.azureml/config.json`, which from_config reads. The folder `path` must be there."""
        folder = absolute(path) if path is not None else os.getcwd()
        if not os.path.isdir(folder):
            raise _user_error("The folder {} does not exist. Make it, or give another path.".format(folder))
        folder = os.path.join(folder, ".azureml")
        os.makedirs(folder, exist_ok=True)
        scope = "/subscriptions/{}/resourceGroups/{}/providers/{}/workspaces/{}".format(
            self.subscription_id, self.resource_group, _PROVIDER, self.name
        )
        config = {"Id": None, "Scope": scope}
        if self._url:
            config["penstock_url"] = self._url
        with open(os.path.join(folder, file_name or "config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file, indent=4)

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def name(self):
        return self._name

    @property
    def subscription_id(self):
        return self._subscription_id

    @property
    def resource_group(self):
        return self._resource_group

    @property
    def location(self):
        return self._record["location"]

    @property
    def tags(self):
        return dict(self._record.get("tags") or {})

    @property
    def sku(self):
        return str(self._sku or "basic").capitalize()

    @property
    def discovery_url(self):
        return self._client.url + "/discovery"

    @property
    def service_context(self):
        return self

    def get_details(self):
        record = self._call("GET", "/workspaces/" + _segment(self._name))
        return {
            "id": "/subscriptions/{}/resourceGroups/{}/providers/{}/workspaces/{}".format(
                self.subscription_id, self.resource_group, _PROVIDER, self.name
            ),
            "name": self.name,
            "location": record["location"],
            "type": _PROVIDER + "/workspaces",
            "tags": record.get("tags") or {},
            "sku": self.sku,
            "workspaceid": record["id"],
            "description": "",
            "friendlyName": self.name,
            "creationTime": record["created_at"],
            "discoveryUrl": self.discovery_url,
        }

    # --- what it holds ----------------------------------------------------------------------------------------------

    @property
    def compute_targets(self):
        """{name: compute target}."""
        from azureml.core.compute import ComputeTarget

        return {target.name: target for target in ComputeTarget.list(self)}

    @property
    def datastores(self):
        """{name: datastore}."""
        from azureml.core.datastore import datastore_of

        return {record["name"]: datastore_of(self, record) for record in self._values("datastores")}

    @property
    def datasets(self):
        """A mapping of the registered datasets by name, each the latest version."""
        from azureml.data._registered import RegisteredDatasets

        return RegisteredDatasets(self)

    @property
    def experiments(self):
        """{name: Experiment}."""
        from azureml.core.experiment import Experiment

        return {e.name: e for e in Experiment.list(self)}

    @property
    def models(self):
        """{name: Model}, each the latest version."""
        from azureml.core.model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    @property
    def environments(self):
        """{name: Environment}."""
        from azureml.core.environment import Environment

        return Environment.list(self)

    @property
    def webservices(self):
        return {}

    @property
    def images(self):
        return {}

    @property
    def linked_services(self):
        return {}

    @property
    def private_endpoints(self):
        return {}

    def get_default_datastore(self):
        from azureml.core.datastore import Datastore

        return Datastore.get_default(self)

    def set_default_datastore(self, name):
        self._call("PUT", "default_datastore", {"name": name})
        self._kept = None

    def get_default_compute_target(self, type):
        """The compute target called cpu-cluster or gpu-cluster, or None when there is none."""
        name = {"CPU": "cpu-cluster", "GPU": "gpu-cluster"}.get(str(type).upper())
        if name is None:
            raise _user_error("The type of a default compute target is CPU or GPU, not {!r}.".format(type))
        return self.compute_targets.get(name)

    def get_default_keyvault(self):
        from azureml.core.keyvault import Keyvault

        return Keyvault(self)

    def get_run(self, run_id):
        """The run with this id."""
        from azureml.core.run import Run

        return Run.get(self, run_id)

    def get_mlflow_tracking_uri(self, _with_auth=False):
        """The address for `mlflow.set_tracking_uri`. The token that MLflow needs is put in this process's MLFLOW_TRACKING_TOKEN."""
        from azureml._runs.tracking import tracking_uri

        return tracking_uri(self)

    def add_private_endpoint(
        self, private_endpoint_config, private_endpoint_auto_approval=True, location=None, show_output=True, tags=None
    ):
        raise _not_built("add_private_endpoint")

    def delete_private_endpoint_connection(self, private_endpoint_connection_name):
        raise _not_built("delete_private_endpoint_connection")

    def delete(self, delete_dependent_resources=False, no_wait=False):
        raise _not_built("delete")

    def update(
        self,
        friendly_name=None,
        description=None,
        tags=None,
        image_build_compute=None,
        service_managed_resources_settings=None,
        primary_user_assigned_identity=None,
        allow_public_access_when_behind_vnet=None,
        v1_legacy_mode=None,
    ):
        raise _not_built("update")

    def update_dependencies(self, container_registry=None, force=False):
        raise _not_built("update_dependencies")

    def diagnose_workspace(self, diagnose_parameters):
        raise _not_built("diagnose_workspace")

    def sync_keys(self, no_wait=False):
        """Nothing: there are no keys to take over."""

    def list_keys(self):
        raise _not_built("list_keys")

    def list_connections(self, category=None, target=None):
        raise _not_built("list_connections")

    def get_connection(self, name):
        raise _not_built("get_connection")

    def set_connection(self, name, category, target, authType, value):
        raise _not_built("set_connection")

    def delete_connection(self, name):
        raise _not_built("delete_connection")

    def __eq__(self, other):
        return isinstance(other, Workspace) and other._name == self._name

    def __hash__(self):
        return hash(self._name)

    def _repr_html_(self):
        from azureml._runs.html import table

        rows = [("Name", self._name, None), ("Resource group", self._resource_group, None)]
        return table(rows + [("Subscription", self._subscription_id, None)])

    def __repr__(self):
        return "Workspace.create(name={!r}, subscription_id={!r}, resource_group={!r})".format(
            self._name, self._subscription_id, self._resource_group
        )


def _checked(auth):
    """`auth`, one of azureml.core.authentication's or None."""
    if auth is None:
        return None
    from azureml.core.authentication import AbstractAuthentication

    if not isinstance(auth, AbstractAuthentication):
        raise _user_error(
            "auth is {!r}, which does not say how to sign in. Give a class of azureml.core.authentication, as "
            "ServicePrincipalAuthentication(tenant_id, id, secret), or leave it out.".format(auth)
        )
    return auth


def _segment(text):
    from azureml._client.client import segment

    return segment(text)
