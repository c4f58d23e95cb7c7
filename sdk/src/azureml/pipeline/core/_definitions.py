"""Definitions that a graph's nodes are made from: modules, data sources, ports, parameters. Values only."""

from azureml._graph.ports import check_port_name


class ParamDef:
    """A parameter of a module. One without a default must be given a value by each step, unless it is optional."""

    def __init__(
        self,
        name,
        default_value=None,
        is_metadata_param=False,
        is_optional=False,
        set_env_var=False,
        calculate_hash=True,
        env_var_override=None,
    ):
        self.name = name
        self.default_value = default_value
        self.is_metadata_param = is_metadata_param
        self.is_optional = is_optional
        self.set_env_var = set_env_var
        self.calculate_hash = calculate_hash
        self.env_var_override = env_var_override

    def _lower(self):
        default = self.default_value
        return {
            "name": str(self.name),
            "default": None if default is None else str(getattr(default, "default_value", default)),
            "is_metadata": bool(self.is_metadata_param),
            "is_optional": bool(self.is_optional),
        }

    @staticmethod
    def _of(kept):
        return ParamDef(kept["name"], kept.get("default"), bool(kept.get("is_metadata")), bool(kept.get("is_optional")))


class InputPortDef:
    """An input port of a module. `default_datastore_mode` is how data reach it that say nothing else."""

    def __init__(
        self,
        name,
        data_types=None,
        default_datastore_mode=None,
        default_path_on_compute=None,
        is_optional=False,
        default_overwrite=None,
        default_data_reference_name=None,
        is_resource=False,
        label=None,
        additional_transformations=None,
        **kwargs,
    ):
        self.name = check_port_name(name, "Input")
        self.data_types = data_types or ["AnyFile", "AnyDirectory"]
        self.default_datastore_mode = default_datastore_mode
        self.default_path_on_compute = default_path_on_compute
        self.is_optional = is_optional
        self.default_overwrite = default_overwrite
        self.default_data_reference_name = default_data_reference_name
        self.is_resource = is_resource
        self.label = label
        self.additional_transformations = additional_transformations

    def _argument_keys(self):
        return (("input", self.name),)

    def _lower(self):
        return {
            "name": self.name,
            "mode": self.default_datastore_mode,
            "data_types": [str(each) for each in self.data_types],
            "path_on_compute": self.default_path_on_compute,
            "overwrite": self.default_overwrite,
            "data_reference_name": self.default_data_reference_name,
            "is_optional": bool(self.is_optional),
            "is_resource": bool(self.is_resource),
            "label": self.label,
        }

    @staticmethod
    def _of(kept):
        given = {k: kept.get(k) for k in ("data_types", "is_optional", "is_resource", "label")}
        return InputPortDef(
            kept["name"],
            default_datastore_mode=kept.get("mode"),
            default_path_on_compute=kept.get("path_on_compute"),
            default_overwrite=kept.get("overwrite"),
            default_data_reference_name=kept.get("data_reference_name"),
            **given,
        )


class OutputPortDef:
    """An output port of a module. `default_datastore_name` is where data go that are mapped to it and name no datastore."""

    def __init__(
        self,
        name,
        default_datastore_name=None,
        default_datastore_mode=None,
        default_path_on_compute=None,
        is_directory=False,
        data_type=None,
        default_overwrite=None,
        training_output=None,
        label=None,
    ):
        self.name = check_port_name(name, "Output")
        self.default_datastore_name = default_datastore_name
        self.default_datastore_mode = default_datastore_mode
        self.default_path_on_compute = default_path_on_compute
        self.is_directory = is_directory
        self.data_type = data_type or ("AnyDirectory" if is_directory else "AnyFile")
        self.default_overwrite = default_overwrite
        self.training_output = training_output
        self.label = label

    def _argument_keys(self):
        return (("output", self.name),)

    def _lower(self):
        return {
            "name": self.name,
            "datastore": self.default_datastore_name,
            "mode": self.default_datastore_mode,
            "path_on_compute": self.default_path_on_compute,
            "is_directory": bool(self.is_directory),
            "data_type": self.data_type,
            "overwrite": self.default_overwrite,
            "label": self.label,
        }

    @staticmethod
    def _of(kept):
        return OutputPortDef(
            kept["name"],
            kept.get("datastore"),
            kept.get("mode"),
            kept.get("path_on_compute"),
            bool(kept.get("is_directory")),
            kept.get("data_type"),
            kept.get("overwrite"),
            label=kept.get("label"),
        )


class ModuleDef:
    """What a module takes, gives and runs."""

    def __init__(
        self,
        name,
        description=None,
        input_port_defs=None,
        output_port_defs=None,
        param_defs=None,
        module_execution_type=None,
        create_sequencing_ports=True,
        allow_reuse=True,
        version=None,
        module_type=None,
        step_type=None,
        arguments=None,
        runconfig=None,
        cloud_settings=None,
    ):
        self.name = name
        self.description = description
        self.input_port_defs = list(input_port_defs or [])
        self.output_port_defs = list(output_port_defs or [])
        self.param_defs = list(param_defs or [])
        self.module_execution_type = module_execution_type
        self.create_sequencing_ports = create_sequencing_ports
        self.allow_reuse = allow_reuse
        self.version = version
        self.module_type = module_type
        self.step_type = step_type
        self.arguments = list(arguments or [])
        self.runconfig = runconfig
        self.cloud_settings = cloud_settings

    def add_fake_sequencing_input_port(self):
        """Ordering needs no port here."""

    def calculate_hash(self):
        return _hash([self.name, self.step_type, self.version, self.allow_reuse, [str(a) for a in self.arguments]])


class Module:
    """A module by id, with its definition."""

    def __init__(self, module_id, module_def=None, module_version=None, default_version=None):
        self.module_id = module_id
        self.module_def = module_def
        self.module_version = module_version
        self.default_version = default_version

    @staticmethod
    def create(workspace, name, description):
        """Not of this class: the one that publishes is azureml.pipeline.core.Module."""
        from azureml.pipeline.core.module import Module as Published

        return Published.create(workspace, name, description)

    def publish_python_script(self, script_name, description, inputs, outputs, **kwargs):
        from azureml.exceptions import UserErrorException

        raise UserErrorException(
            "This Module is the description of a node of a graph, and has no versions of its own. "
            "Publish on one that azureml.pipeline.core.Module.create or Module.get gave."
        )


class DataSourceDef:
    """Where the data of a data source lies."""

    def __init__(
        self,
        name,
        description=None,
        data_type_id=None,
        datastore_name=None,
        path_on_datastore=None,
        sql_table=None,
        sql_query=None,
        sql_stored_procedure=None,
        sql_stored_procedure_params=None,
        pipeline_dataset=None,
    ):
        self.name = name
        self.description = description
        self.data_type_id = data_type_id or "AnyDirectory"
        self.datastore_name = datastore_name
        self.path_on_datastore = path_on_datastore
        self.sql_table = sql_table
        self.sql_query = sql_query
        self.sql_stored_procedure = sql_stored_procedure
        self.sql_stored_procedure_params = sql_stored_procedure_params
        self.pipeline_dataset = pipeline_dataset

    @property
    def output_port_def(self):
        return OutputPortDef(self.name, data_type=self.data_type_id)

    @staticmethod
    def create_from_data_reference(data_reference):
        from azureml._graph.ports import datastore_name

        return DataSourceDef(
            data_reference.data_reference_name,
            datastore_name=datastore_name(data_reference.datastore),
            path_on_datastore=data_reference.path_on_datastore,
        )

    def calculate_hash(self):
        return _hash([self.name, self.datastore_name, self.path_on_datastore, self.sql_table, self.sql_query])


class DataSource:
    """A data source by id, with its definition."""

    def __init__(self, datasource_id, datasource_def):
        self.datasource_id = datasource_id
        self.datasource_def = datasource_def


class DataType:
    """A type of data that ports may name. Recorded: nothing checks data by it."""

    def __init__(self, workspace, id, name, description, is_directory, parent_datatype_ids):
        self.workspace = workspace
        self.id = id
        self.name = name
        self.description = description
        self.is_directory = is_directory
        self.parent_datatype_ids = parent_datatype_ids

    @staticmethod
    def create_data_type(workspace, name, description, is_directory, parent_datatypes=None):
        """Keeps a type in the workspace; `parent_datatypes` are DataTypes, or their ids."""
        body = {"name": name, "description": description, "is_directory": bool(is_directory)}
        body["parents"] = _type_ids(parent_datatypes)
        return DataType._of(workspace, workspace._call("POST", "data_types", body))

    @staticmethod
    def list_data_types(workspace):
        """Those that are always there, then the workspace's own, newest first."""
        always = [
            DataType(workspace, "AnyFile", "AnyFile", "Any file", False, []),
            DataType(workspace, "AnyDirectory", "AnyDirectory", "Any folder", True, []),
        ]
        return always + [DataType._of(workspace, kept) for kept in workspace._call("GET", "data_types")["value"]]

    def update(self, new_description=None, new_parent_datatypes=None):
        """Changes what is given."""
        from azureml._client.client import segment

        body = {"description": new_description}
        if new_parent_datatypes is not None:
            body["parents"] = _type_ids(new_parent_datatypes)
        self.__dict__.update(
            DataType._of(self.workspace, self.workspace._call("PUT", "data_types/" + segment(self.id), body)).__dict__
        )

    @staticmethod
    def _of(workspace, kept):
        return DataType(
            workspace, kept["id"], kept["name"], kept["description"], kept["is_directory"], list(kept["parents"])
        )

    def __str__(self):
        return self.name

    def __repr__(self):
        return "DataType(Name: {},\nId: {})".format(self.name, self.id)


def _type_ids(types):
    return [str(getattr(each, "id", each)) for each in types or ()]


class HasPipelinePortal:
    """What has a page of its own."""

    def __init__(self, pipeline):
        self._pipeline = pipeline

    @property
    def portal_url(self):
        return self.get_portal_url()

    def get_portal_url(self):
        return getattr(self._pipeline, "endpoint", None) or ""


def _hash(values):
    from hashlib import sha256

    return sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()
