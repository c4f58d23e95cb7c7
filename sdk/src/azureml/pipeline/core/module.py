"""Module, ModuleVersion: a step that is published once, in versions that never change, and used in many pipelines by ModuleStep."""

import os

from azureml._client.client import segment
from azureml._paths import absolute
from azureml.pipeline.core._module_interface import compute_name, content, definition, lowered, warn_of

_KINDS = {"escloud": "python_script", "adlcloud": "adla", "azurebatchcloud": "azure_batch"}


class Module:
    """A name over versions. `ModuleStep(module=…)` runs the one that `resolve` gives."""

    def __init__(
        self,
        workspace,
        module_id,
        name,
        description,
        status,
        default_version,
        module_version_list,
        _module_provider=None,
        _module_version_provider=None,
    ):
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

    # --- making and finding -----------------------------------------------------------------------------------------

    @staticmethod
    def create(workspace, name, description, _workflow_provider=None):
        """A new module without versions. UserErrorException when the workspace has one of this name."""
        return Module._of(workspace, workspace._call("POST", "modules", {"name": name, "description": description}))

    @staticmethod
    def get(workspace, module_id=None, name=None, _workflow_provider=None):
        """The module with this id or name."""
        if module_id is not None:
            return Module._of(workspace, workspace._call("GET", "modules/" + segment(module_id)))
        if name is None:
            from azureml.exceptions import UserErrorException

            raise UserErrorException("Either the id or the name of the module must be given.")
        return Module._of(workspace, workspace._call("GET", "modules", None, {"name": name})["value"][0])

    @staticmethod
    def get_versions(workspace, name, _workflow_provider=None):
        """The ModuleVersionDescriptors of the module of this name, oldest first."""
        return Module.get(workspace, name=name).module_version_list()

    @classmethod
    def _of(cls, workspace, dto):
        made = cls(workspace, dto["id"], dto["name"], dto["description"], dto["status"], dto["default_version"], [])
        made._module_version_list = [ModuleVersionDescriptor(v["version"], v["id"]) for v in dto["versions"]]
        made._disabled = {v["id"] for v in dto["versions"] if v["status"] == "Disabled"}
        return made

    # --- the module itself ------------------------------------------------------------------------------------------

    def enable(self):
        """Steps can be made of it."""
        self._update(status="Active")

    def disable(self):
        """No step can be made of it, until it is enabled again. What was submitted or published before is not changed."""
        self._update(status="Disabled")

    def deprecate(self):
        """Steps can be made of it, with a line that says so."""
        self._update(status="Deprecated")

    def set_name(self, name):
        self._update(name=name)

    def set_description(self, description):
        self._update(description=description)

    def set_default_version(self, version_id):
        """Makes a version the default: its version, its id, or the ModuleVersion itself."""
        self._update(default_version=str(getattr(version_id, "module_version_id", version_id)))

    def _update(self, **values):
        self._take(self._workspace._call("PUT", "modules/" + segment(self.id), values))

    def _refreshed(self):
        self._take(self._workspace._call("GET", "modules/" + segment(self.id)))
        return self

    def _take(self, dto):
        self.__dict__.update(Module._of(self._workspace, dto).__dict__)

    # --- its versions -----------------------------------------------------------------------------------------------

    def module_version_list(self):
        """Its ModuleVersionDescriptors, oldest first."""
        return list(self._refreshed()._module_version_list)

    def get_default_version(self):
        """The version that is the default; None when none was made it."""
        return self._refreshed()._default_version

    def get_default(self):
        """The default ModuleVersion; None when no version was made the default."""
        version = self.get_default_version()
        return None if version is None else self._named(version)

    def resolve(self, version=None):
        """The ModuleVersion of `version`. Without one: the default; else the highest, if all are like 1.2.3; else the newest.

        UserErrorException for a version that is not there, and for a module that has none.
        """
        self._refreshed()
        if version is not None:
            return self._named(str(version))
        if self._default_version is not None:
            return self._named(self._default_version)
        known = [each for each in self._module_version_list if each.module_version_id not in self._disabled]
        if not known:
            raise _user_error(
                "Module '{}' has no version{}. Publish one: module.publish_python_script(…).".format(
                    self.name, " that is enabled" if self._module_version_list else ""
                )
            )
        orders = [_semantic(each.version) for each in known]
        chosen = known[-1] if None in orders else max(zip(orders, known), key=lambda pair: pair[0])[1]
        return ModuleVersion.get(self._workspace, chosen.module_version_id)

    def _named(self, version):
        for each in self._module_version_list:
            if version in (each.version, each.module_version_id):
                return ModuleVersion.get(self._workspace, each.module_version_id)
        raise _user_error(
            "Module '{}' has no version '{}'. It has: {}.".format(
                self.name, version, ", ".join(each.version for each in self._module_version_list) or "none"
            )
        )

    # --- publishing versions ----------------------------------------------------------------------------------------

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
        """A new ModuleVersion that runs a script of `source_directory` (default: the working one), which is kept as it is now.

        `inputs` are InputPortDefs, `outputs` OutputPortDefs, `params` {name: default}. `arguments` are those of a ModuleStep that
        gives none: text, numbers, port definitions, or 'input:<port>', 'output:<port>' and 'parameter:<name>'.
        """
        folder, _ = Module.process_source_directory(self.name, source_directory, script_name)
        warn_of(hash_paths)
        settings = {"script_name": script_name, "source_directory": folder}
        more = {"category": category, "run_definition": definition(runconfig, self.name)}
        ports = {"inputs": inputs, "outputs": outputs, "params": params, "arguments": arguments}
        return self._publish("python_script", description, settings, folder, ports, version, is_default, more)

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
        """A new ModuleVersion that runs a U-SQL script. `compute_target` holds for a step that names none."""
        folder, _ = Module.process_source_directory(self.name, source_directory, script_name)
        warn_of(hash_paths)
        settings = {"script_name": script_name, "source_directory": folder, "priority": priority}
        settings.update(degree_of_parallelism=degree_of_parallelism, runtime_version=runtime_version)
        more = {"category": category, "compute": compute_name(compute_target, self.name)}
        ports = {"inputs": inputs, "outputs": outputs, "params": params, "arguments": arguments}
        return self._publish("adla", description, settings, folder, ports, version, is_default, more)

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
        """A new ModuleVersion that runs an executable on Azure Batch."""
        if not executable:
            raise ValueError("executable is required")
        if not create_pool and not pool_id:
            raise ValueError("pool_id is required when create_pool is False")
        settings = {
            "create_pool": create_pool,
            "pool_id": pool_id,
            "delete_batch_job_after_finish": delete_batch_job_after_finish,
            "delete_batch_pool_after_finish": delete_batch_pool_after_finish,
            "is_positive_exit_code_failure": is_positive_exit_code_failure,
            "vm_image_urn": vm_image_urn,
            "run_task_as_admin": run_task_as_admin,
            "target_compute_nodes": target_compute_nodes,
            "vm_size": vm_size,
            "executable": executable,
        }
        folder = absolute(source_directory) if source_directory else None
        more = {"category": category, "compute": compute_name(compute_target, self.name)}
        ports = {"inputs": inputs, "outputs": outputs, "params": params, "arguments": arguments}
        return self._publish("azure_batch", description, settings, folder, ports, version, is_default, more)

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
        """A new ModuleVersion of an `execution_type`: esCloud (a Python script), adlcloud (U-SQL) or AzureBatchCloud.

        `content_path` is the script itself, or its folder with `runconfig.script` naming the script in it.
        """
        kind = _KINDS.get(str(execution_type).lower())
        if kind is None:
            raise ValueError("execution_type is esCloud, adlcloud or AzureBatchCloud, not {!r}.".format(execution_type))
        warn_of(hash_paths)
        folder, script = content(content_path, runconfig)
        settings = {"source_directory": folder} if folder else {}
        if kind != "azure_batch":
            Module.process_source_directory(self.name, folder, script)
            settings["script_name"] = script
        more = {"category": category, "run_definition": definition(runconfig, self.name)}
        ports = {"inputs": inputs, "outputs": outputs, "params": param_defs, "arguments": arguments}
        return self._publish(kind, description, settings, folder, ports, version, is_default, more)

    def _publish(self, kind, description, settings, folder, ports, version, is_default, more):
        body = lowered(self.name, ports)
        body.update(more, kind=kind, settings=settings, description=description, default=bool(is_default))
        body["version"] = None if version is None else str(version)
        if folder is not None:
            from azureml._client.snapshot import upload

            body["snapshot"] = upload(self._workspace, folder)
        from azureml._graph.submission import sent

        dto = sent(self._workspace, "POST", "modules/{}/versions".format(segment(self.id)), body)
        self._refreshed()
        return ModuleVersion(self._workspace, dto, dto["version"])

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
        """The ModuleDef of these."""
        from azureml.pipeline.core._definitions import ModuleDef

        return ModuleDef(
            name,
            description,
            input_bindings,
            output_bindings,
            param_defs,
            execution_type,
            create_sequencing_ports,
            allow_reuse,
            version,
            module_type,
            step_type,
            arguments,
            runconfig,
            cloud_settings,
        )

    @staticmethod
    def process_source_directory(name, source_directory, script_name):
        """(the folder as an absolute path, [] for the hash paths of old). ValueError unless the script is in it."""
        if not script_name:
            raise ValueError("script_name is required")
        folder = absolute(source_directory or os.getcwd())
        path = os.path.join(folder, script_name)
        if not os.path.isfile(path):
            raise ValueError(
                "Module '{}': script not found at: {}. Give the source_directory that holds it.".format(name, path)
            )
        return folder, []

    def __repr__(self):
        return "Module(Name: {},\nId: {},\nStatus: {})".format(self.name, self.id, self.status)

    def _repr_html_(self):
        from azureml._runs.html import table

        return table([("Name", self.name, None), ("Id", self.id, None), ("Status", self.status, None)])


class ModuleVersion:
    """One version of a module. Nothing of it changes but its description and status."""

    def __init__(self, workspace, module_entity, version, _module_version_provider=None):
        self._workspace = workspace
        self._module_entity = module_entity
        self._version = version

    category = property(lambda self: self._module_entity["category"])
    description = property(lambda self: self._module_entity["description"])
    module_id = property(lambda self: self._module_entity["module"]["id"])
    module_version_id = property(lambda self: self._module_entity["id"])
    status = property(lambda self: self._module_entity["status"])
    version = property(lambda self: self._version)

    @property
    def interface(self):
        """Its ports and parameters, as a ModuleDef."""
        from azureml.pipeline.core._definitions import InputPortDef, ModuleDef, OutputPortDef, ParamDef

        entity = self._module_entity
        return ModuleDef(
            entity["module"]["name"],
            entity["description"],
            [InputPortDef._of(port) for port in entity["inputs"]],
            [OutputPortDef._of(port) for port in entity["outputs"]],
            [ParamDef._of(parameter) for parameter in entity["parameters"]],
            version=self.version,
        )

    @property
    def runconfig(self):
        """The RunConfiguration that it was published with; None when there was none."""
        from azureml.core.runconfig import RunConfiguration

        definition = self._module_entity["run_definition"]
        return RunConfiguration._from_dict(definition) if definition else None

    @staticmethod
    def get(workspace, module_version_id=None, _workflow_provider=None):
        """The version with this id."""
        if module_version_id is None:
            raise _user_error("The id of the module version must be given.")
        dto = workspace._call("GET", "module_versions/" + segment(module_version_id))
        return ModuleVersion(workspace, dto, dto["version"])

    def module(self, _workflow_provider=None):
        """The Module that this is a version of."""
        return Module.get(self._workspace, module_id=self.module_id)

    def enable(self):
        """Steps can be made of it."""
        self._update(status="Active")

    def disable(self):
        """No step can be made of it, until it is enabled again. What was submitted or published before is not changed."""
        self._update(status="Disabled")

    def deprecate(self):
        """Steps can be made of it, with a line that says so."""
        self._update(status="Deprecated")

    def set_description(self, description):
        self._update(description=description)

    def _update(self, **values):
        place = "module_versions/" + segment(self.module_version_id)
        self._module_entity = self._workspace._call("PUT", place, values)

    def __repr__(self):
        return "ModuleVersion(Module: {},\nVersion: {},\nId: {},\nStatus: {})".format(
            self._module_entity["module"]["name"], self.version, self.module_version_id, self.status
        )


class ModuleVersionDescriptor:
    """A version and its id."""

    def __init__(self, version, module_version_id):
        self._version = version
        self._module_version_id = module_version_id

    module_version_id = property(lambda self: self._module_version_id)
    version = property(lambda self: self._version)

    def __repr__(self):
        return "ModuleVersionDescriptor(version={!r}, module_version_id={!r})".format(
            self.version, self.module_version_id
        )


def _semantic(version):
    """How a version like 1.2.3 or 1.2.3-rc.1 is ordered among its kind; None for one that is not like that."""
    numbers, _, before = version.partition("+")[0].partition("-")
    parts = numbers.split(".")
    if len(parts) > 3 or not all(part.isdecimal() for part in parts):
        return None
    order = [int(part) for part in parts] + [0] * (3 - len(parts))
    # A version before another has a word after its numbers; words are ordered after numbers.
    tail = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in before.split(".")] if before else []
    return order, not tail, tail


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
