"""DBFSDatastore: the settings of a Databricks file system. Nothing is connected to here."""

from azureml.data.abstract_datastore import AbstractDatastore


class DBFSDatastore(AbstractDatastore):
    def __init__(self, workspace, name, _record=None, **kwargs):
        AbstractDatastore.__init__(self, workspace, name, "DBFS", _record)
