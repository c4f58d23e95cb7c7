"""Objects that are written, read, kept or described come back as what they were: every section, every compute class, every exception."""

from __future__ import annotations

import json
import re

import pytest

import azureml.exceptions as exceptions
from azureml.core import Environment, RunConfiguration, Workspace, compute
from azureml.core import authentication as auth
from azureml.core.compute import (
    AdlaCompute,
    AksCompute,
    AmlCompute,
    BatchCompute,
    ComputeInstance,
    ComputeTarget,
    DatabricksCompute,
    DataFactoryCompute,
    DsvmCompute,
    HDInsightCompute,
    KubernetesCompute,
    KustoCompute,
    RemoteCompute,
    SynapseCompute,
)
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.databricks import MavenLibrary, PyPiLibrary
from azureml.core.runconfig import MpiConfiguration
from azureml.pipeline.core import PipelineDraft
from azureml.pipeline.core.graph import InputPortDef, ModuleDef, OutputPortDef, ParamDef
from azureml.pipeline.core.graph import Module as GraphModule
from azureml.pipeline.core.module import Module, ModuleVersion, ModuleVersionDescriptor

# Every setting of each section another value than it has by itself; a section that is not named holds what cannot be set apart.
OTHER = {bool: lambda v: not v, int: lambda v: v + 7, str: lambda v: v + "_x", float: lambda v: v + 0.5, type(None): lambda v: "set",
         list: lambda v: [*v, "one"], dict: lambda v: {**v, "key": "value"}}  # fmt: skip
# Of few values, sections that may be absent, what is never written, and the name that things are found by.
FIXED = {"framework", "communicator", "version", "environment_variables", "r", "build_context", "password", "name"}


def changed(section, path="", seen=None):
    """Sets every plain setting below `section` to another value; the paths of what was set."""
    seen = [] if seen is None else seen
    for name in type(section)._defaults:
        value = getattr(section, name)
        if hasattr(type(value), "_defaults"):
            changed(value, f"{path}{name}.", seen)
        elif type(value) in OTHER and name not in FIXED:
            try:
                setattr(section, name, OTHER[type(value)](value))
            except (ValueError, TypeError, exceptions.UserErrorException):
                continue  # a setting that takes only what it knows
            seen.append(path + name)
    return seen


def value_at(section, path):
    for name in path.split("."):
        section = getattr(section, name)
    return section


def test_every_setting_of_a_run_configuration_goes_to_its_file_and_back(tmp_path):
    config = RunConfiguration()
    paths = changed(config)
    config.framework, config.communicator, config.target = "PySpark", "OpenMpi", "cluster"
    config.environment.environment_variables = {"A": "b"}
    config.save(str(tmp_path), "mine")
    again = RunConfiguration.load(str(tmp_path), "mine")
    lost = [path for path in paths if value_at(config, path) != value_at(again, path)]
    assert not lost and len(paths) > 60
    for path in ("environment.docker.base_image", "environment.python.interpreter_path", "docker.use_docker", "spark.configuration",
                 "mpi.process_count_per_node", "history.output_collection"):  # fmt: skip
        assert path in paths, path
    assert (again.framework, again.communicator, again.target) == ("PySpark", "OpenMpi", "cluster")
    assert again.environment.environment_variables == {"A": "b"}


def test_a_run_configuration_is_camel_case_in_its_file(tmp_path):
    config = RunConfiguration()
    config.environment.docker.base_image = "image"
    config.mpi = MpiConfiguration(3, 2)
    config.save(str(tmp_path), "mine")
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file() and "mine" in path.name]
    text = file.read_text()
    for key in (
        "environmentVariables:",
        "userManagedDependencies:",
        "baseImage: image",
        "processCountPerNode: 3",
        "nodeCount:",
    ):
        assert key in text, key
    assert "base_image" not in text


def test_every_setting_of_an_environment_goes_to_a_folder_and_back(tmp_path):
    environment = Environment("e")
    paths = changed(environment)
    environment.python.conda_dependencies = CondaDependencies.create(
        pip_packages=["a"], conda_packages=["b"], python_version="3.9"
    )
    environment.spark.precache_packages = False
    environment.environment_variables = {"A": "b"}
    environment.save_to_directory(str(tmp_path / "there"))
    again = Environment.load_from_directory(str(tmp_path / "there"))
    lost = [path for path in paths if value_at(environment, path) != value_at(again, path)]
    assert not lost and {
        "docker.base_image",
        "docker.arguments",
        "python.interpreter_path",
        "spark.repositories",
    } <= set(paths)
    assert list(again.python.conda_dependencies.pip_packages) == list(
        environment.python.conda_dependencies.pip_packages
    )
    assert again.spark.precache_packages is False and again.environment_variables == {"A": "b"}
    assert json.loads(repr(again)) == json.loads(repr(environment))


def test_an_environment_goes_to_the_server_and_back(module_workspace: Workspace):
    environment = Environment("kept")
    paths = changed(environment)
    environment.register(module_workspace)
    again = Environment.get(module_workspace, "kept")
    assert [path for path in paths if value_at(environment, path) != value_at(again, path)] == []


def test_conda_dependencies_go_to_a_file_and_back(tmp_path):
    made = CondaDependencies.create(
        pip_packages=["a==1", "b[x]>=2"], conda_packages=["c=3"], python_version="3.9", pip_indexurl="https://i"
    )
    made.add_channel("mine")
    made.save_to_file(str(tmp_path), "spec.yml")
    again = CondaDependencies(str(tmp_path / "spec.yml"))
    assert again.as_dict() == made.as_dict()
    assert again.serialize_to_string() == made.serialize_to_string()


ATTACHED = [
    (AdlaCompute, AdlaCompute.attach_configuration("g", "account")),
    (AksCompute, AksCompute.attach_configuration("g", "cluster")),
    (BatchCompute, BatchCompute.attach_configuration("g", "account")),
    (DatabricksCompute, DatabricksCompute.attach_configuration("g", "bricks", access_token="secret")),
    (DataFactoryCompute, DataFactoryCompute.attach_configuration("g", "factory")),
    (HDInsightCompute, HDInsightCompute.attach_configuration(username="u", address="a", password="secret")),
    (KubernetesCompute, KubernetesCompute.attach_configuration("/id", "space")),
    (
        KustoCompute,
        KustoCompute.attach_configuration("g", "kusto", tenant_id="t", application_id="i", application_key="secret"),
    ),
    (RemoteCompute, RemoteCompute.attach_configuration(username="u", address="a", password="secret")),
    (SynapseCompute, SynapseCompute.attach_configuration("linked", "SynapseSpark", "pool")),
]
PROVISIONED = [
    (AmlCompute, AmlCompute.provisioning_configuration(vm_size="v", max_nodes=2)),
    (ComputeInstance, ComputeInstance.provisioning_configuration(vm_size="v")),
    (DataFactoryCompute, DataFactoryCompute.provisioning_configuration()),
    (AksCompute, AksCompute.provisioning_configuration()),
    (DsvmCompute, DsvmCompute.provisioning_configuration(vm_size="v")),
]


def test_every_class_that_is_attached_or_provisioned_is_tried():
    kinds = {getattr(compute, name) for name in dir(compute) if isinstance(getattr(compute, name), type)}
    for method, tried in (("attach_configuration", ATTACHED), ("provisioning_configuration", PROVISIONED)):
        assert {kind for kind in kinds if method in vars(kind)} == {kind for kind, _ in tried}


@pytest.mark.parametrize(("kind", "configuration"), ATTACHED, ids=lambda v: getattr(v, "__name__", ""))
def test_an_attached_compute_is_found_as_its_class(module_workspace: Workspace, kind, configuration):
    name = "at-" + kind.__name__.lower()[:12]
    made = ComputeTarget.attach(module_workspace, name, configuration)
    for found in (
        ComputeTarget(module_workspace, name),
        kind(module_workspace, name),
        module_workspace.compute_targets[name],
    ):
        assert type(found) is kind and found.serialize() == made.serialize()
    again = kind.deserialize(module_workspace, made.serialize())
    assert type(again) is kind and again.serialize()["properties"] == made.serialize()["properties"]
    assert "secret" not in json.dumps(made.serialize())


@pytest.mark.parametrize(("kind", "configuration"), PROVISIONED, ids=lambda v: getattr(v, "__name__", ""))
def test_a_provisioned_compute_is_found_as_its_class(module_workspace: Workspace, kind, configuration):
    name = "new-" + kind.__name__.lower()[:10]
    made = ComputeTarget.create(module_workspace, name, configuration)
    assert type(ComputeTarget(module_workspace, name)) is kind is type(made)
    assert kind.deserialize(module_workspace, made.serialize()).name == name


def test_every_way_of_the_owner_to_sign_in_gives_the_servers_token_and_asks_nobody(module_workspace: Workspace):
    ways = [
        auth.InteractiveLoginAuthentication(force=True, tenant_id="t", cloud="c"),
        auth.AzureCliAuthentication(),
        auth.MsiAuthentication(),
    ]
    headers = [way.get_authentication_header() for way in ways]
    assert len({json.dumps(header) for header in headers}) == 1 and headers[0]["Authorization"].startswith("Bearer ")
    for way in ways:
        assert (
            Workspace.get(module_workspace.name, auth=way, subscription_id="s", resource_group="g").name
            == module_workspace.name
        )
        token = way.get_token("scope")
        assert headers[0]["Authorization"] == "Bearer " + token.token and token.expires_on > 0
    own = auth.TokenAuthentication(lambda audience: "own-" + str(audience))
    assert own.get_authentication_header()["Authorization"].startswith("Bearer own-")
    assert auth.ArmTokenAuthentication("arm").get_authentication_header() == {"Authorization": "Bearer arm"}


def test_modules_and_drafts_keep_what_they_are_made_of():
    module = Module(
        None,
        "id",
        "name",
        "what",
        "Active",
        "2",
        [ModuleVersionDescriptor("1", "v1"), ModuleVersionDescriptor("2", "v2")],
    )
    assert (module.id, module.name, module.description, module.status, module.default_version) == (
        "id",
        "name",
        "what",
        "Active",
        "2",
    )
    assert ModuleVersion(None, None, "1").version == "1"
    assert (ModuleVersionDescriptor("1", "v1").version, ModuleVersionDescriptor("1", "v1").module_version_id) == (
        "1",
        "v1",
    )
    definition = ModuleDef(
        "m", "d", [InputPortDef("i")], [OutputPortDef("o", is_directory=True)], [ParamDef("p", 1)], allow_reuse=False
    )
    again = ModuleDef(
        "m", "d", [InputPortDef("i")], [OutputPortDef("o", is_directory=True)], [ParamDef("p", 1)], allow_reuse=False
    )
    assert definition.calculate_hash() == again.calculate_hash() != ModuleDef("n").calculate_hash()
    kept = GraphModule("id", definition, "v", "1")
    assert (kept.module_id, kept.module_def.output_port_defs[0].data_type, kept.module_version) == (
        "id",
        "AnyDirectory",
        "v",
    )
    draft = PipelineDraft(None, "id", "name", "what", "exp", {"a": "b"}, {"c": "d"}, "g", "p", "r", ["s"], "q", "l")
    assert (draft.id, draft.name, draft.description, draft.tags, draft.properties) == (
        "id",
        "name",
        "what",
        {"a": "b"},
        {"c": "d"},
    )
    assert (draft.parent_pipeline_id, draft.parent_pipeline_run_id, draft.parent_step_run_ids) == ("p", "r", ["s"])
    assert (draft.parent_pipeline_draft_id, draft.last_submitted_pipeline_run_id) == ("q", "l")


def test_libraries_as_json():
    assert MavenLibrary("a:b:1", repo="r", exclusions=["x"]).coordinates == "a:b:1"
    assert PyPiLibrary("p", repo="r").package == "p"


FAMILY = [
    value
    for name, value in vars(exceptions).items()
    if isinstance(value, type) and issubclass(value, exceptions.AzureMLException)
]


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_an_exception_has_the_text_form_of_the_original(kind):
    error = kind(["one", "two"]) if kind is exceptions.AzureMLAggregatedException else kind("what went wrong")
    head, message, inner, response = re.fullmatch(
        r"(.*?)\n\t(.*)\n\t(Inner.*?)\n\t(.*)", str(error), re.DOTALL
    ).groups()
    assert (head, inner) == (kind.__name__ + ":", "InnerException None")
    assert message == "Message: " + error.message
    code = "UserError" if isinstance(error, exceptions.UserErrorException) else "SystemError"
    assert json.loads(response.removeprefix("ErrorResponse \n")) == {"error": {"code": code, "message": error.message}}
    assert repr(error) == str(error)
