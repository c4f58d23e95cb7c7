"""Data Lake stores, both generations. Behind each is a local folder until it is mapped elsewhere."""

from azureml.data.abstract_datastore import AbstractDatastore
from azureml.data.azure_storage_datastore import AbstractAzureStorageDatastore


class AbstractADLSDatastore(AbstractDatastore):
    def __init__(
        self,
        workspace,
        name,
        datastore_type,
        tenant_id=None,
        client_id=None,
        client_secret=None,
        resource_url=None,
        authority_url=None,
        service_data_access_auth_identity=None,
        _record=None,
        **kwargs,
    ):
        AbstractDatastore.__init__(self, workspace, name, datastore_type, _record)
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.client_secret = client_secret
        self.resource_url = resource_url
        self.authority_url = authority_url


class AzureDataLakeDatastore(AbstractADLSDatastore):
    def __init__(
        self,
        workspace,
        name,
        store_name,
        tenant_id=None,
        client_id=None,
        client_secret=None,
        resource_url=None,
        authority_url=None,
        subscription_id=None,
        resource_group=None,
        service_data_access_auth_identity=None,
        **kwargs,
    ):
        AbstractADLSDatastore.__init__(
            self, workspace, name, "AzureDataLake", tenant_id, client_id, client_secret, resource_url, authority_url,
            **kwargs
        )  # fmt: skip
        self.store_name = store_name
        self._subscription_id = subscription_id
        self._resource_group = resource_group

    @property
    def subscription_id(self):
        return self._subscription_id

    @property
    def resource_group(self):
        return self._resource_group


class AzureDataLakeGen2Datastore(AbstractAzureStorageDatastore):
    def __init__(
        self,
        workspace,
        name,
        container_name,
        account_name,
        tenant_id=None,
        client_id=None,
        client_secret=None,
        resource_url=None,
        authority_url=None,
        protocol=None,
        endpoint=None,
        service_data_access_auth_identity=None,
        **kwargs,
    ):
        AbstractAzureStorageDatastore.__init__(
            self,
            workspace,
            name,
            "AzureDataLakeGen2",
            container_name,
            account_name,
            None,
            None,
            protocol,
            endpoint,
            **kwargs,
        )
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.client_secret = client_secret
        self.resource_url = resource_url
        self.authority_url = authority_url
