"""SqlDataReference: a table, a query or a stored procedure of an SQL datastore, as the source or target of a transfer."""

from azureml.data.data_reference import DataReference


class SqlDataReference(DataReference):
    """Several of `sql_table`, `sql_query` and `sql_stored_procedure` may be given, as public YAML does; a DataTransferStep reads from one."""

    def __init__(
        self,
        datastore,
        data_reference_name=None,
        sql_table=None,
        sql_query=None,
        sql_stored_procedure=None,
        sql_stored_procedure_params=None,
    ):
        DataReference.__init__(self, datastore, data_reference_name)
        for parameter in sql_stored_procedure_params or ():
            if not hasattr(parameter, "_lower"):
                raise ValueError("sql_stored_procedure_params must be a list of StoredProcedureParameter.")
        self.sql_table = sql_table
        self.sql_query = sql_query
        self.sql_stored_procedure = sql_stored_procedure
        self.sql_stored_procedure_params = list(sql_stored_procedure_params or [])

    def _source(self):
        source = DataReference._source(self)
        source["sql"] = {
            "table": self.sql_table,
            "query": self.sql_query,
            "stored_procedure": self.sql_stored_procedure,
            "stored_procedure_params": [parameter._lower() for parameter in self.sql_stored_procedure_params],
        }
        return source
