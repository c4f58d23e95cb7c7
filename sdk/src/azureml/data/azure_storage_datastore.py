"""Blob containers and file shares. Behind each is a local folder until it is mapped elsewhere."""

from azureml.data.abstract_datastore import AbstractDatastore


class AbstractAzureStorageDatastore(AbstractDatastore):
    """A datastore that files are copied to and from."""

    def __init__(
        self,
        workspace,
        name,
        datastore_type,
        container_name,
        account_name,
        sas_token=None,
        account_key=None,
        protocol=None,
        endpoint=None,
        _record=None,
        **kwargs,
    ):
        AbstractDatastore.__init__(self, workspace, name, datastore_type, _record)
        self.container_name = container_name
        self.account_name = account_name
        self.sas_token = sas_token
        self.account_key = account_key
        self.protocol = protocol or "https"
        self.endpoint = endpoint or "core.windows.net"

    @property
    def is_sas(self):
        return bool(self.sas_token)

    @property
    def credential_type(self):
        return "Sas" if self.sas_token else "AccountKey" if self.account_key else "None"

    def upload(self, src_dir, target_path=None, overwrite=False, show_progress=True):
        """Copies every file below `src_dir`; a DataReference to `target_path`."""
        return self._upload(src_dir, target_path, overwrite, show_progress)

    def upload_files(self, files, relative_root=None, target_path=None, overwrite=False, show_progress=True):
        """Copies `files`; a DataReference to `target_path`."""
        return self._upload_files(files, relative_root, target_path, overwrite, show_progress)

    def download(self, target_path, prefix=None, overwrite=False, show_progress=True):
        """Copies what lies at or below `prefix` under its whole path to `target_path`; how many files."""
        return self._download(target_path, prefix, overwrite, show_progress)


class AzureBlobDatastore(AbstractAzureStorageDatastore):
    def __init__(
        self,
        workspace,
        name,
        container_name,
        account_name,
        sas_token=None,
        account_key=None,
        protocol=None,
        endpoint=None,
        request_session=None,
        workspace_msi_has_access=False,
        subscription_id=None,
        resource_group=None,
        service_data_access_auth_identity=None,
        **kwargs,
    ):
        AbstractAzureStorageDatastore.__init__(
            self, workspace, name, "AzureBlob", container_name, account_name, sas_token, account_key, protocol, endpoint,
            **kwargs
        )  # fmt: skip
        self.subscription_id = subscription_id
        self.resource_group = resource_group


class AzureFileDatastore(AbstractAzureStorageDatastore):
    def __init__(
        self,
        workspace,
        name,
        container_name,
        account_name,
        sas_token=None,
        account_key=None,
        protocol=None,
        endpoint="core.windows.net",
        request_session=None,
        **kwargs,
    ):
        AbstractAzureStorageDatastore.__init__(
            self, workspace, name, "AzureFile", container_name, account_name, sas_token, account_key, protocol, endpoint,
            **kwargs
        )  # fmt: skip
