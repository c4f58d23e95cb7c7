"""Datastore: finding and registering datastores. What a registration says is recorded; behind it is a local folder."""

import azureml._sentinel  # noqa: F401

_CLASSES = {
    "AzureBlob": ("azureml.data.azure_storage_datastore", "AzureBlobDatastore"),
    "AzureFile": ("azureml.data.azure_storage_datastore", "AzureFileDatastore"),
    "AzureDataLake": ("azureml.data.azure_data_lake_datastore", "AzureDataLakeDatastore"),
    "AzureDataLakeGen2": ("azureml.data.azure_data_lake_datastore", "AzureDataLakeGen2Datastore"),
    "AzureSqlDatabase": ("azureml.data.azure_sql_database_datastore", "AzureSqlDatabaseDatastore"),
    "AzurePostgreSql": ("azureml.data.azure_postgre_sql_datastore", "AzurePostgreSqlDatastore"),
    "AzureMySql": ("azureml.data.azure_my_sql_datastore", "AzureMySqlDatastore"),
    "DBFS": ("azureml.data.dbfs_datastore", "DBFSDatastore"),
    "Hdfs": ("azureml.data.hdfs_datastore", "HDFSDatastore"),
}
_REQUIRED = {
    "AzureBlob": ("container_name", "account_name"),
    "AzureFile": ("container_name", "account_name"),
    "AzureDataLake": ("store_name",),
    "AzureDataLakeGen2": ("container_name", "account_name"),
    "AzureSqlDatabase": ("server_name", "database_name"),
    "AzurePostgreSql": ("server_name", "database_name", "user_id", "user_password"),
    "AzureMySql": ("server_name", "database_name", "user_id", "user_password"),
    "Hdfs": (
        "protocol", "namenode_address", "hdfs_server_certificate_data", "kerberos_realm", "kerberos_kdc_address",
        "kerberos_principal", "credential_value", "credential_type",
    ),
}  # fmt: skip


# The server keeps these sealed and tells nobody: "***" says that there is one.
_SECRETS = frozenset(("account_key", "client_secret", "credential_value", "password", "sas_token", "user_password"))


def datastore_of(workspace, record):
    """The datastore that the server described, as the class of its type."""
    kind = record["type"]
    home, name = _CLASSES.get(kind, _CLASSES["AzureBlob"])
    settings = dict(record.get("settings") or {})
    for required in _REQUIRED.get(kind, ()):
        settings.setdefault(required, None)
    return getattr(__import__(home, fromlist=[name]), name)(
        workspace=workspace, name=record["name"], _record=record, **settings
    )


def _not_found():
    from azureml.exceptions import UserErrorException
    from msrest.exceptions import HttpOperationError

    class DatastoreNotFoundError(UserErrorException, HttpOperationError):
        """Caught both as the SDK's error and as the HTTP client's: existing code does either."""

        def __init__(self, message, **kwargs):
            UserErrorException.__init__(self, message, **kwargs)
            self.response = None
            self.error = None

    return DatastoreNotFoundError


_not_found_class = None


def _not_found_error(message, **kwargs):
    """The one class of "datastore not found", made when it is first needed."""
    global _not_found_class
    if _not_found_class is None:
        _not_found_class = _not_found()
    return _not_found_class(message, **kwargs)


def _refused(message, **kwargs):
    """The exception for a refusal: a datastore that is not there, or a user's error."""
    from azureml.exceptions import UserErrorException

    return (_not_found_error if kwargs.get("status_code") == 404 else UserErrorException)(message, **kwargs)


class Datastore:
    """`Datastore(workspace, name)` is a datastore of its own class; without a name the default one."""

    def __new__(cls, workspace, name=None):
        return Datastore.get_default(workspace) if name is None else Datastore.get(workspace, name)

    def __init__(self, workspace, name=None):
        """See __new__: this is never an instance of Datastore itself."""

    @staticmethod
    def get(workspace, datastore_name):
        """The datastore called so; an HttpOperationError that is a UserErrorException when there is none."""
        if not isinstance(datastore_name, str) or not datastore_name:
            raise _refused("A datastore's name must be text, but is {!r}.".format(datastore_name))
        from azureml._client.client import segment

        record = workspace._call("GET", "datastores/" + segment(datastore_name), error=_refused)
        return datastore_of(workspace, record)

    @staticmethod
    def get_default(workspace):
        """The workspace's default datastore."""
        for record in workspace._values("datastores"):
            if record.get("is_default"):
                return datastore_of(workspace, record)
        raise _not_found_error("Workspace '{}' has no default datastore. Set one.".format(workspace.name))

    def set_as_default(self):
        raise NotImplementedError("Call set_as_default on a datastore.")

    def unregister(self):
        raise NotImplementedError("Call unregister on a datastore.")

    @staticmethod
    def _register(workspace, name, kind, settings, overwrite):
        """Records the datastore; one of that name stays unless overwrite or the settings are the same."""
        from azureml._client.client import segment
        from azureml.exceptions import UserErrorException

        if not isinstance(name, str) or not name or not all(c.isalnum() or c == "_" for c in name):
            raise UserErrorException(
                "The datastore name {!r} is invalid. Use 1 to 255 letters, digits and '_'.".format(name)
            )
        settings = {k: v for k, v in settings.items() if v is not None}
        shown = {k: "***" if k in _SECRETS else v for k, v in settings.items()}
        if not overwrite:
            for record in workspace._values("datastores"):
                if record["name"] == name and (record["type"], record.get("settings") or {}) != (kind, shown):
                    raise UserErrorException(
                        "Another datastore with name '{}' already exists but with different settings. "
                        "Pass overwrite=True to replace it, or choose another name.".format(name)
                    )
        record = workspace._call("PUT", "datastores/" + segment(name), {"type": kind, "settings": settings})
        return datastore_of(workspace, record)

    @staticmethod
    def register_azure_blob_container(
        workspace,
        datastore_name,
        container_name,
        account_name,
        sas_token=None,
        account_key=None,
        protocol=None,
        endpoint=None,
        overwrite=False,
        create_if_not_exists=False,
        skip_validation=False,
        blob_cache_timeout=None,
        grant_workspace_access=False,
        subscription_id=None,
        resource_group=None,
    ):
        """Records a blob container."""
        settings = {
            "container_name": container_name,
            "account_name": account_name,
            "sas_token": sas_token,
            "account_key": account_key,
            "protocol": protocol,
            "endpoint": endpoint,
            "subscription_id": subscription_id,
            "resource_group": resource_group,
        }
        return Datastore._register(workspace, datastore_name, "AzureBlob", settings, overwrite)

    @staticmethod
    def register_azure_file_share(
        workspace,
        datastore_name,
        file_share_name,
        account_name,
        sas_token=None,
        account_key=None,
        protocol=None,
        endpoint=None,
        overwrite=False,
        create_if_not_exists=False,
        skip_validation=False,
    ):
        """Records a file share."""
        settings = {
            "container_name": file_share_name,
            "account_name": account_name,
            "sas_token": sas_token,
            "account_key": account_key,
            "protocol": protocol,
            "endpoint": endpoint,
        }
        return Datastore._register(workspace, datastore_name, "AzureFile", settings, overwrite)

    @staticmethod
    def register_azure_data_lake(
        workspace,
        datastore_name,
        store_name,
        tenant_id=None,
        client_id=None,
        client_secret=None,
        resource_url=None,
        authority_url=None,
        subscription_id=None,
        resource_group=None,
        overwrite=False,
        grant_workspace_access=False,
    ):
        """Records a Data Lake store."""
        settings = {
            "store_name": store_name,
            "tenant_id": tenant_id,
            "client_id": client_id,
            "client_secret": client_secret,
            "resource_url": resource_url,
            "authority_url": authority_url,
            "subscription_id": subscription_id,
            "resource_group": resource_group,
        }
        return Datastore._register(workspace, datastore_name, "AzureDataLake", settings, overwrite)

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace,
        datastore_name,
        filesystem,
        account_name,
        tenant_id=None,
        client_id=None,
        client_secret=None,
        resource_url=None,
        authority_url=None,
        protocol=None,
        endpoint=None,
        overwrite=False,
        subscription_id=None,
        resource_group=None,
        grant_workspace_access=False,
    ):
        """Records a Data Lake store of the second generation."""
        settings = {
            "container_name": filesystem,
            "account_name": account_name,
            "tenant_id": tenant_id,
            "client_id": client_id,
            "client_secret": client_secret,
            "resource_url": resource_url,
            "authority_url": authority_url,
            "protocol": protocol,
            "endpoint": endpoint,
        }
        return Datastore._register(workspace, datastore_name, "AzureDataLakeGen2", settings, overwrite)

    @staticmethod
    def register_azure_sql_database(
        workspace,
        datastore_name,
        server_name,
        database_name,
        tenant_id=None,
        client_id=None,
        client_secret=None,
        resource_url=None,
        authority_url=None,
        endpoint=None,
        overwrite=False,
        username=None,
        password=None,
        subscription_id=None,
        resource_group=None,
        grant_workspace_access=False,
        **kwargs,
    ):
        """Records an Azure SQL database."""
        settings = {
            "server_name": server_name,
            "database_name": database_name,
            "tenant_id": tenant_id,
            "client_id": client_id,
            "client_secret": client_secret,
            "resource_url": resource_url,
            "authority_url": authority_url,
            "username": username,
            "password": password,
        }
        return Datastore._register(workspace, datastore_name, "AzureSqlDatabase", settings, overwrite)

    @staticmethod
    def register_azure_postgre_sql(
        workspace,
        datastore_name,
        server_name,
        database_name,
        user_id,
        user_password,
        port_number=None,
        endpoint=None,
        overwrite=False,
        enforce_ssl=True,
        **kwargs,
    ):
        """Records a PostgreSQL database."""
        settings = {
            "server_name": server_name,
            "database_name": database_name,
            "user_id": user_id,
            "user_password": user_password,
            "port_number": port_number,
            "enforce_ssl": enforce_ssl,
        }
        return Datastore._register(workspace, datastore_name, "AzurePostgreSql", settings, overwrite)

    @staticmethod
    def register_azure_my_sql(
        workspace,
        datastore_name,
        server_name,
        database_name,
        user_id,
        user_password,
        port_number=None,
        endpoint=None,
        overwrite=False,
        **kwargs,
    ):
        """Records a MySQL database."""
        settings = {
            "server_name": server_name,
            "database_name": database_name,
            "user_id": user_id,
            "user_password": user_password,
            "port_number": port_number,
        }
        return Datastore._register(workspace, datastore_name, "AzureMySql", settings, overwrite)

    @staticmethod
    def register_dbfs(workspace, datastore_name):
        """Records a Databricks file system."""
        return Datastore._register(workspace, datastore_name, "DBFS", {}, True)

    @staticmethod
    def register_hdfs(
        workspace,
        datastore_name,
        protocol,
        namenode_address,
        hdfs_server_certificate,
        kerberos_realm,
        kerberos_kdc_address,
        kerberos_principal,
        kerberos_keytab=None,
        kerberos_password=None,
        overwrite=False,
    ):
        """Records a Hadoop file system."""
        settings = {
            "protocol": protocol,
            "namenode_address": namenode_address,
            "hdfs_server_certificate_data": hdfs_server_certificate,
            "kerberos_realm": kerberos_realm,
            "kerberos_kdc_address": kerberos_kdc_address,
            "kerberos_principal": kerberos_principal,
            "credential_value": kerberos_keytab or kerberos_password,
            "credential_type": "KerberosKeytab" if kerberos_keytab else "KerberosPassword",
        }
        return Datastore._register(workspace, datastore_name, "Hdfs", settings, overwrite)
