"""Private endpoints of Azure networks: there are none here. The names import."""

from azureml.core.run import _not_built


class PrivateEndPointConfig:
    """What a private endpoint would be; recorded only."""

    def __init__(self, name, vnet_name, vnet_subnet_name="default", **kwargs):
        self.name = name
        self.vnet_name = vnet_name
        self.vnet_subnet_name = vnet_subnet_name


class PrivateEndPoint:
    """A private endpoint."""

    def __init__(self, *args, **kwargs):
        raise _not_built("PrivateEndPoint")
