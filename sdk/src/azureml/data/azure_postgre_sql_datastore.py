"""AzurePostgreSqlDatastore: the settings of a PostgreSQL database. Nothing is connected to here."""

from azureml.data.abstract_datastore import AbstractDatastore


class AzurePostgreSqlDatastore(AbstractDatastore):
    def __init__(
        self,
        workspace,
        name,
        server_name,
        database_name,
        user_id,
        user_password,
        port_number=None,
        enforce_ssl=True,
        _record=None,
        **kwargs,
    ):
        AbstractDatastore.__init__(self, workspace, name, "AzurePostgreSql", _record)
        self.server_name = server_name
        self.database_name = database_name
        self.user_id = user_id
        self.user_password = user_password
        self.port_number = port_number
        self.enforce_ssl = enforce_ssl
