"""AzureMySqlDatastore: the settings of a MySQL database. Nothing is connected to here."""

from azureml.data.abstract_datastore import AbstractDatastore


class AzureMySqlDatastore(AbstractDatastore):
    def __init__(
        self,
        workspace,
        name,
        server_name,
        database_name,
        user_id,
        user_password,
        port_number=None,
        _record=None,
        **kwargs,
    ):
        AbstractDatastore.__init__(self, workspace, name, "AzureMySql", _record)
        self.server_name = server_name
        self.database_name = database_name
        self.user_id = user_id
        self.user_password = user_password
        self.port_number = port_number
