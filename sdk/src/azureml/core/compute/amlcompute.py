"""AmlCompute: a cluster by name. Penstock maps it to what runs here; `max_nodes` bounds how many steps it runs at once."""

from azureml._names import typed
from azureml.core._sections import number
from azureml.core.compute.compute import ComputeConfiguration, ComputeTarget, active_runs
from azureml.exceptions import ComputeTargetException, UserErrorException

_SIZES = (
    # name, cores, memory in GB, GPUs
    ("Standard_D1_v2", 1, 3.5, 0),
    ("Standard_D2_v2", 2, 7, 0),
    ("Standard_D3_v2", 4, 14, 0),
    ("Standard_D4_v2", 8, 28, 0),
    ("Standard_D11_v2", 2, 14, 0),
    ("Standard_D12_v2", 4, 28, 0),
    ("Standard_D13_v2", 8, 56, 0),
    ("Standard_D14_v2", 16, 112, 0),
    ("Standard_DS2_v2", 2, 7, 0),
    ("Standard_DS3_v2", 4, 14, 0),
    ("Standard_DS11_v2", 2, 14, 0),
    ("Standard_DS12_v2", 4, 28, 0),
    ("Standard_F2s_v2", 2, 4, 0),
    ("Standard_NC6", 6, 56, 1),
    ("Standard_NC12", 12, 112, 2),
    ("Standard_NC24", 24, 224, 4),
)


class ScaleSettings:
    """How many nodes a cluster may have, and how long one may idle."""

    def __init__(self, minimum_node_count=0, maximum_node_count=1, idle_seconds_before_scaledown=1800):
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self):
        return {
            "minNodeCount": self.minimum_node_count,
            "maxNodeCount": self.maximum_node_count,
            "nodeIdleTimeBeforeScaleDown": "PT{}S".format(self.idle_seconds_before_scaledown),
        }


class AmlComputeStatus:
    """The state of a cluster. `serialize()` gives it as a dict."""

    def __init__(self, target):
        scale = target.scale_settings
        self.current_node_count = scale.minimum_node_count
        self.target_node_count = scale.minimum_node_count
        self.allocation_state = "Steady"
        self.allocation_state_transition_time = target.created_on
        self.creation_time = target.created_on
        self.modified_time = target.created_on
        self.provisioning_state = target.provisioning_state
        self.provisioning_state_transition_time = None
        self.errors = None
        self.scale_settings = scale
        self.vm_size = target.vm_size
        self.vm_priority = target.vm_priority
        states = ("preparing", "running", "idle", "unusable", "leaving", "preempted")
        self.node_state_counts = {state + "NodeCount": 0 for state in states}
        self.node_state_counts["idleNodeCount"] = scale.minimum_node_count

    def serialize(self):
        return {
            "errors": self.errors,
            "creationTime": self.creation_time,
            "modifiedTime": self.modified_time,
            "provisioningState": self.provisioning_state,
            "provisioningStateTransitionTime": self.provisioning_state_transition_time,
            "scaleSettings": self.scale_settings.serialize(),
            "vmPriority": self.vm_priority,
            "vmSize": self.vm_size,
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "nodeStateCounts": dict(self.node_state_counts),
            "allocationState": self.allocation_state,
            "allocationStateTransitionTime": self.allocation_state_transition_time,
        }

    def __repr__(self):
        return "AmlComputeStatus({})".format(self.serialize())


class AmlComputeProvisioningConfiguration(ComputeConfiguration):
    def validate_configuration(self):
        if self._settings.get("max_nodes") is None:
            raise UserErrorException("max_nodes is required: AmlCompute.provisioning_configuration(max_nodes=4, …).")


class AmlCompute(ComputeTarget):
    _compute_type = "AmlCompute"

    vm_size = property(lambda self: self.settings.get("vm_size"))
    vm_priority = property(lambda self: self.settings.get("vm_priority") or "dedicated")
    admin_username = property(lambda self: self.settings.get("admin_username"))
    subnet_id = property(lambda self: None)
    identity_type = property(lambda self: self.settings.get("identity_type"))
    identity_id = property(lambda self: self.settings.get("identity_id"))

    @property
    def scale_settings(self):
        settings = self.settings
        return ScaleSettings(
            settings.get("min_nodes") or 0,
            settings.get("max_nodes") or 1,
            settings.get("idle_seconds_before_scaledown") or 1800,
        )

    @staticmethod
    def provisioning_configuration(
        vm_size="",
        vm_priority="dedicated",
        min_nodes=0,
        max_nodes=None,
        idle_seconds_before_scaledown=1800,
        admin_username=None,
        admin_user_password=None,
        admin_user_ssh_key=None,
        vnet_resourcegroup_name=None,
        vnet_name=None,
        subnet_name=None,
        tags=None,
        description=None,
        remote_login_port_public_access="NotSpecified",
        identity_type=None,
        identity_id=None,
        location=None,
        enable_node_public_ip=True,
    ):
        """Settings for `ComputeTarget.create`; numbers may be text, as they come from os.environ."""
        if str(vm_priority).lower() not in ("dedicated", "lowpriority"):
            raise ComputeTargetException(
                "vm_priority must be dedicated or lowpriority, but is {!r}.".format(vm_priority)
            )
        low = number(min_nodes, "min_nodes", 0)
        high = None if max_nodes is None else number(max_nodes, "max_nodes", 1)
        if high is not None and low > high:
            raise UserErrorException("min_nodes ({}) is greater than max_nodes ({}).".format(low, high))
        settings = {
            "vm_size": vm_size,
            "vm_priority": vm_priority,
            "min_nodes": low,
            "max_nodes": high,
            "idle_seconds_before_scaledown": number(idle_seconds_before_scaledown, "idle_seconds_before_scaledown", 0),
            "admin_username": admin_username,
            "vnet_resourcegroup_name": vnet_resourcegroup_name,
            "vnet_name": vnet_name,
            "subnet_name": subnet_name,
            "tags": tags,
            "description": description,
            "remote_login_port_public_access": remote_login_port_public_access,
            "identity_type": identity_type,
            "identity_id": identity_id,
            "location": location,
            "enable_node_public_ip": enable_node_public_ip,
        }
        return AmlComputeProvisioningConfiguration("AmlCompute", settings, tags, description)

    def get(self):
        self.refresh_state()
        return self.serialize()

    status = typed(AmlComputeStatus, lambda self: self.get_status())

    def get_status(self):
        return AmlComputeStatus(self)

    def wait_for_completion(
        self, show_output=False, min_node_count=None, timeout_in_minutes=25, is_delete_operation=False
    ):
        """Returns at once: a registered cluster is ready."""
        if min_node_count is not None:
            number(min_node_count, "min_node_count", 0)
        if show_output:
            print("Succeeded")
            print("AmlCompute wait for completion finished")
            print("")
            print("Minimum number of nodes requested have been provisioned")

    def update(self, min_nodes=None, max_nodes=None, idle_seconds_before_scaledown=None):
        changes = {
            "min_nodes": min_nodes,
            "max_nodes": max_nodes,
            "idle_seconds_before_scaledown": idle_seconds_before_scaledown,
        }
        settings = dict(self.settings)
        settings.update({key: number(value, key, 0) for key, value in changes.items() if value is not None})
        self._row = self.workspace._call(
            "PUT", "computes/" + self.name, {"name": self.name, "type": self.type, "settings": settings}
        )

    def list_nodes(self):
        """The hosts of the cluster. Penstock: a cluster has no hosts of its own, so there are none to list."""
        return []

    def add_identity(self, identity_type, identity_id=None):
        """Recorded only."""
        self.settings.update(identity_type=identity_type, identity_id=identity_id)

    def remove_identity(self, identity_id=None):
        self.settings.pop("identity_type", None)
        self.settings.pop("identity_id", None)

    def get_active_runs(self, type=None, tags=None, properties=None, status=None):
        return active_runs(self, type, tags, properties, status)

    @staticmethod
    def supported_vmsizes(workspace, location=None):
        return supported_vmsizes()

    @staticmethod
    def list_usages(workspace, show_all=False, location=None):
        return []

    @staticmethod
    def list_quotas(workspace, location=None):
        return []

    @staticmethod
    def update_quotas(workspace, vm_family, limit=None, location=None):
        return []


def supported_vmsizes():
    """Sizes that code may name; any other is accepted too, because sizes are recorded only."""
    return [
        {"name": name, "vCPUs": cores, "gpus": gpus, "memoryGB": memory, "maxResourceVolumeMB": 0}
        for name, cores, memory, gpus in _SIZES
    ]
