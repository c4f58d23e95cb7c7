"""AzureSqlDatabaseDatastore: the settings of an Azure SQL database. Nothing is connected to here."""

from azureml.data.abstract_datastore import AbstractDatastore


class AzureSqlDatabaseDatastore(AbstractDatastore):
    def __init__(
        self,
        workspace,
        name,
        server_name,
        database_name,
        tenant_id=None,
        client_id=None,
        client_secret=None,
        resource_url=None,
        authority_url=None,
        username=None,
        password=None,
        auth_type=None,
        service_data_access_auth_identity=None,
        _record=None,
        **kwargs,
    ):
        AbstractDatastore.__init__(self, workspace, name, "AzureSqlDatabase", _record)
        self.server_name = server_name
        self.database_name = database_name
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.client_secret = client_secret
        self.resource_url = resource_url
        self.authority_url = authority_url
        self.username = username
        self.password = password
        self.auth_type = auth_type
        self.service_data_access_auth_identity = service_data_access_auth_identity
