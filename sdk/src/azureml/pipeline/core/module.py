"""Module and ModuleVersion: steps that are published by themselves."""

from azureml.pipeline.core._not_built import not_built


class Module:
    """A unit of work that is published once and used in many pipelines."""

    def __init__(self, workspace, module_id, name, description, status, default_version, module_version_list, **kwargs):
        self._workspace = workspace
        self._module_id = module_id
        self._name = name
        self._description = description
        self._status = status
        self._default_version = default_version
        self._module_version_list = module_version_list

    default_version = property(lambda self: self._default_version)
    description = property(lambda self: self._description)
    id = property(lambda self: self._module_id)
    name = property(lambda self: self._name)
    status = property(lambda self: self._status)

    @staticmethod
    def create(workspace, name, description):
        return not_built("Module.create")

    def deprecate(self):
        return not_built("Module.deprecate")

    def disable(self):
        return not_built("Module.disable")

    def enable(self):
        return not_built("Module.enable")

    @staticmethod
    def get(workspace, module_id=None, name=None):
        return not_built("Module.get")

    def get_default(self):
        return not_built("Module.get_default")

    def get_default_version(self):
        return not_built("Module.get_default_version")

    @staticmethod
    def get_versions(workspace, name):
        return not_built("Module.get_versions")

    @staticmethod
    def module_def_builder(
        name,
        description,
        execution_type,
        input_bindings,
        output_bindings,
        param_defs=None,
        create_sequencing_ports=True,
        allow_reuse=True,
        version=None,
        module_type=None,
        step_type=None,
        arguments=None,
        runconfig=None,
        cloud_settings=None,
    ):
        return not_built("Module.module_def_builder")

    def module_version_list(self):
        return not_built("Module.module_version_list")

    @staticmethod
    def process_source_directory(name, source_directory, script_name):
        return not_built("Module.process_source_directory")

    def publish(
        self,
        description,
        execution_type,
        inputs,
        outputs,
        param_defs=None,
        create_sequencing_ports=True,
        version=None,
        is_default=False,
        content_path=None,
        hash_paths=None,
        category=None,
        arguments=None,
        runconfig=None,
    ):
        return not_built("Module.publish")

    def publish_adla_script(
        self,
        script_name,
        description,
        inputs,
        outputs,
        params=None,
        create_sequencing_ports=True,
        degree_of_parallelism=None,
        priority=None,
        runtime_version=None,
        compute_target=None,
        version=None,
        is_default=False,
        source_directory=None,
        hash_paths=None,
        category=None,
        arguments=None,
    ):
        return not_built("Module.publish_adla_script")

    def publish_azure_batch(
        self,
        description,
        compute_target,
        inputs,
        outputs,
        params=None,
        create_sequencing_ports=True,
        version=None,
        is_default=False,
        create_pool=False,
        pool_id=None,
        delete_batch_job_after_finish=False,
        delete_batch_pool_after_finish=False,
        is_positive_exit_code_failure=True,
        vm_image_urn="urn:MicrosoftWindowsServer:WindowsServer:2012-R2-Datacenter",
        run_task_as_admin=False,
        target_compute_nodes=1,
        vm_size="standard_d1_v2",
        executable=None,
        source_directory=None,
        category=None,
        arguments=None,
    ):
        return not_built("Module.publish_azure_batch")

    def publish_python_script(
        self,
        script_name,
        description,
        inputs,
        outputs,
        params=None,
        create_sequencing_ports=True,
        version=None,
        is_default=False,
        source_directory=None,
        hash_paths=None,
        category=None,
        arguments=None,
        runconfig=None,
    ):
        return not_built("Module.publish_python_script")

    def resolve(self, version=None):
        return not_built("Module.resolve")

    def set_default_version(self, version_id):
        return not_built("Module.set_default_version")

    def set_description(self, description):
        return not_built("Module.set_description")

    def set_name(self, name):
        return not_built("Module.set_name")


class ModuleVersion:
    """One version of a module."""

    def __init__(self, workspace, module_entity, version, **kwargs):
        self._workspace = workspace
        self._module_entity = module_entity
        self._version = version

    version = property(lambda self: self._version)

    def deprecate(self):
        return not_built("ModuleVersion.deprecate")

    def disable(self):
        return not_built("ModuleVersion.disable")

    def enable(self):
        return not_built("ModuleVersion.enable")

    @staticmethod
    def get(workspace, module_version_id=None):
        return not_built("ModuleVersion.get")

    def module(self):
        return not_built("ModuleVersion.module")

    def set_description(self, description):
        return not_built("ModuleVersion.set_description")


class ModuleVersionDescriptor:
    """A version and its id."""

    def __init__(self, version, module_version_id, **kwargs):
        self._version = version
        self._module_version_id = module_version_id

    module_version_id = property(lambda self: self._module_version_id)
    version = property(lambda self: self._version)
