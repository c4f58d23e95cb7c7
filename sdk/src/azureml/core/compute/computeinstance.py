"""ComputeInstance: one machine by name. Penstock maps it to what runs here."""

from azureml.core.compute.amlcompute import supported_vmsizes
from azureml.core.compute.compute import ComputeConfiguration, ComputeTarget, active_runs


class ComputeInstanceStatus:
    def __init__(self, target):
        self.state = "Running"
        self.creation_time = target.created_on
        self.modified_time = target.created_on
        self.provisioning_state = target.provisioning_state
        self.errors = None
        self.vm_size = target.settings.get("vm_size")

    def serialize(self):
        return {
            "errors": self.errors,
            "creationTime": self.creation_time,
            "modifiedTime": self.modified_time,
            "provisioningState": self.provisioning_state,
            "state": self.state,
            "vmSize": self.vm_size,
        }


class ComputeInstance(ComputeTarget):
    _compute_type = "ComputeInstance"

    vm_size = property(lambda self: self.settings.get("vm_size"))

    @staticmethod
    def provisioning_configuration(
        vm_size="",
        ssh_public_access=False,
        admin_user_ssh_public_key=None,
        vnet_resourcegroup_name=None,
        vnet_name=None,
        subnet_name=None,
        tags=None,
        description=None,
        assigned_user_object_id=None,
        assigned_user_tenant_id=None,
    ):
        settings = {
            "vm_size": vm_size,
            "ssh_public_access": ssh_public_access,
            "vnet_resourcegroup_name": vnet_resourcegroup_name,
            "vnet_name": vnet_name,
            "subnet_name": subnet_name,
            "tags": tags,
            "description": description,
            "assigned_user_object_id": assigned_user_object_id,
            "assigned_user_tenant_id": assigned_user_tenant_id,
        }
        return ComputeConfiguration("ComputeInstance", settings, tags, description)

    def get(self):
        self.refresh_state()
        return self.serialize()

    def get_status(self):
        return ComputeInstanceStatus(self)

    def get_active_runs(self, type=None, tags=None, properties=None, status=None):
        return active_runs(self, type, tags, properties, status)

    def start(self, wait_for_completion=False, show_output=False):
        """Nothing to do: the instance is this machine."""

    def stop(self, wait_for_completion=False, show_output=False):
        """Nothing to do: the instance is this machine."""

    def restart(self, wait_for_completion=False, show_output=False):
        """Nothing to do: the instance is this machine."""

    def delete(self, wait_for_completion=False, show_output=False):
        ComputeTarget.delete(self)

    def update_sso_settings(self, value):
        """Recorded only."""
        self.settings["enable_sso"] = bool(value)

    @staticmethod
    def get_docs_url():
        return "https://learn.microsoft.com/azure/machine-learning/concept-compute-instance"

    @staticmethod
    def supported_vmsizes(workspace, location=None):
        return supported_vmsizes()
