"""HDFSDatastore: the settings of a Hadoop file system. Nothing is connected to here."""

from azureml.data.abstract_datastore import AbstractDatastore


class HDFSDatastore(AbstractDatastore):
    def __init__(
        self,
        workspace,
        name,
        protocol,
        namenode_address,
        hdfs_server_certificate_data,
        kerberos_realm,
        kerberos_kdc_address,
        kerberos_principal,
        credential_value,
        credential_type,
        _record=None,
        **kwargs,
    ):
        AbstractDatastore.__init__(self, workspace, name, "Hdfs", _record)
        self.protocol = protocol
        self.namenode_address = namenode_address
        self.hdfs_server_certificate_data = hdfs_server_certificate_data
        self.kerberos_realm = kerberos_realm
        self.kerberos_kdc_address = kerberos_kdc_address
        self.kerberos_principal = kerberos_principal
        self.credential_value = credential_value
        self.credential_type = credential_type
