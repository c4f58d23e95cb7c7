"""Linked services: Synapse workspaces known to a workspace. Not built yet: the names import."""

from azureml.core.run import _not_built


class SynapseWorkspaceLinkedServiceConfiguration:
    """Which Synapse workspace; recorded only."""

    def __init__(self, subscription_id=None, resource_group=None, name=None, resource_id=None):
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.name = name
        self.resource_id = resource_id


class LinkedService:
    """A service that a workspace knows."""

    def __init__(self, *args, **kwargs):
        raise _not_built("LinkedService")

    @staticmethod
    def register(workspace, name, linked_service_config):
        raise _not_built("LinkedService.register")

    @staticmethod
    def get(workspace, name):
        raise _not_built("LinkedService.get")

    @staticmethod
    def list(workspace):
        return []
