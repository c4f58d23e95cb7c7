"""Modules and their versions: made, found, changed, published and resolved, against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from azureml.core import Experiment, RunConfiguration, Workspace
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline, PipelineData
from azureml.pipeline.core.graph import DataType, InputPortDef, ModuleDef, OutputPortDef, ParamDef
from azureml.pipeline.core.graph import Module as GraphModule
from azureml.pipeline.core.module import Module, ModuleVersion, ModuleVersionDescriptor
from azureml.pipeline.steps import ModuleStep

SCRIPT = "print('ran')\n"


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture
def code(tmp_path: Path) -> str:
    (tmp_path / "sees.py").write_text(SCRIPT)
    return str(tmp_path)


def sees(module: Module, code: str, **more: object) -> ModuleVersion:
    return module.publish_python_script(
        "sees.py", "looks", more.pop("inputs", []), more.pop("outputs", []), source_directory=code, **more
    )


def test_modules_are_found_changed_and_switched(ws: Workspace, code: str) -> None:
    module = Module.create(ws, "switched", "first words")
    assert (module.name, module.description, module.status, module.default_version) == (
        "switched",
        "first words",
        "Active",
        None,
    )
    assert Module.get(ws, module_id=module.id).name == "switched" and Module.get(ws, name="switched").id == module.id
    assert str(module) == f"Module(Name: switched,\nId: {module.id},\nStatus: Active)" and module._repr_html_()
    module.set_name("renamed")
    module.set_description("other words")
    module.deprecate()
    found = Module.get(ws, name="renamed")
    assert (found.id, found.description, found.status) == (module.id, "other words", "Deprecated")
    module.disable()
    assert Module.get(ws, module.id).status == "Disabled"
    module.enable()
    assert module.status == "Active"
    Module.create(ws, "taken", None)
    for wrong in (lambda: Module.create(ws, "taken", ""), lambda: module.set_name("taken")):
        with pytest.raises(UserErrorException, match=r"There is a module 'taken' in this workspace already"):
            wrong()
    with pytest.raises(
        UserErrorException, match=r"There is no module 'nowhere' in workspace 'ws'. There are: .*'renamed'"
    ):
        Module.get(ws, name="nowhere")
    with pytest.raises(UserErrorException, match=r"no module 'id-of-none'"):
        Module.get(ws, module_id="id-of-none")
    with pytest.raises(UserErrorException, match=r"Either the id or the name"):
        Module.get(ws)
    with pytest.raises(UserErrorException, match=r"The module's name '' is invalid"):
        Module.create(ws, "", "d")


def test_versions_are_listed_resolved_and_switched(ws: Workspace, code: str) -> None:
    module = Module.create(ws, "versions", "d")
    with pytest.raises(UserErrorException, match=r"Module 'versions' has no version. Publish one"):
        module.resolve()
    assert module.get_default() is None and module.get_default_version() is None
    runconfig = RunConfiguration()
    runconfig.environment_variables = {"OF_MODULE": "yes"}
    one = sees(module, code, category="looking", runconfig=runconfig)
    assert isinstance(one, ModuleVersion) and one.version == "1" and one.module_id == module.id
    assert (one.status, one.description, one.category) == ("Active", "looks", "looking")
    assert one.runconfig.environment_variables == {"OF_MODULE": "yes"} and one.module().name == "versions"
    sees(module, code, version="10")
    two = sees(module, code, version="9.5.1")
    listed = module.module_version_list()
    assert all(isinstance(each, ModuleVersionDescriptor) for each in listed)
    assert (
        [each.version for each in listed]
        == ["1", "10", "9.5.1"]
        == [v.version for v in Module.get_versions(ws, "versions")]
    )
    assert listed[0].module_version_id == one.module_version_id
    assert module.resolve().version == "10", "all are like 1.2.3: the highest"
    assert module.resolve("9.5.1").module_version_id == two.module_version_id
    sees(module, code, version="10.0.0-rc.1")
    assert module.resolve().version == "10", "a candidate is before its version"
    newest = sees(module, code, version="green")
    assert module.resolve().version == "green", "not all are like 1.2.3: the newest"
    newest.disable()
    assert module.resolve().version == "10"
    module.set_default_version("9.5.1")
    assert module.resolve().version == module.get_default().version == module.get_default_version() == "9.5.1"
    module.set_default_version(one)
    assert Module.get(ws, name="versions").default_version == "1"
    module.set_default_version(two.module_version_id)
    assert module.default_version == "9.5.1"
    with pytest.raises(UserErrorException, match=r"Version 'green' of module 'versions' is disabled. Enable it"):
        module.set_default_version("green")
    newest.enable()
    newest.deprecate()
    newest.set_description("green, but old")
    again = ModuleVersion.get(ws, newest.module_version_id)
    assert (again.status, again.description) == ("Deprecated", "green, but old")
    assert sees(module, code, is_default=True).version == "11" and module.default_version == "11"
    for wrong in (lambda: module.resolve("none"), lambda: module.set_default_version("none")):
        with pytest.raises(UserErrorException, match=r"Module 'versions' has no version 'none'. It has: 1, 10, 9.5.1"):
            wrong()
    with pytest.raises(UserErrorException, match=r"has a version '10' already, and a version never changes"):
        sees(module, code, version="10")
    with pytest.raises(UserErrorException, match=r"The id of the module version must be given"):
        ModuleVersion.get(ws)
    with pytest.raises(UserErrorException, match=r"no module version 'x'"):
        ModuleVersion.get(ws, "x")


def test_what_is_wrong_with_a_version_is_said_when_it_is_published(ws: Workspace, code: str) -> None:
    module = Module.create(ws, "refuses", "d")
    with pytest.raises(ValueError, match=r"script_name is required"):
        module.publish_python_script("", "d", [], [])
    with pytest.raises(ValueError, match=r"Module 'refuses': script not found at: .*none.py"):
        module.publish_python_script("none.py", "d", [], [], source_directory=code)
    with pytest.raises(ValueError, match=r"inputs holds a str. List InputPortDef objects"):
        sees(module, code, inputs=["i"])
    with pytest.raises(ValueError, match=r"argument 1 is a value of type PipelineData"):
        sees(module, code, arguments=[PipelineData("d")])
    with pytest.raises(ValueError, match=r"output 'o'"):
        sees(module, code, arguments=[OutputPortDef("o")])
    with pytest.raises(ValueError, match=r"\[i\] is repeated"):
        sees(module, code, inputs=[InputPortDef("i"), InputPortDef("i")])
    with pytest.raises(ValueError, match=r"already that of an output"):
        sees(module, code, inputs=[InputPortDef("i")], outputs=[OutputPortDef("i")])
    with pytest.raises(ValueError, match=r"mode 'sometimes'"):
        sees(module, code, inputs=[InputPortDef("i", default_datastore_mode="sometimes")])
    Path(code, ".amlignore").write_text("sees.py\n")
    with pytest.raises(
        ValueError,
        match=r"there is no 'sees.py' in its source folder. Check script_name, source_directory and .amlignore",
    ):
        sees(module, code)
    with pytest.raises(ValueError, match=r"execution_type is esCloud, adlcloud or AzureBatchCloud, not 'cloud'"):
        module.publish("d", "cloud", [], [])
    assert module.module_version_list() == [], "nothing is kept of what is refused"


def test_versions_of_other_kinds_are_recorded_and_refused_by_name_when_they_are_submitted(
    ws: Workspace, code: str
) -> None:
    Path(code, "x.usql").write_text("// nothing")
    module = Module.create(ws, "others", "d")
    adla = module.publish_adla_script(
        "x.usql",
        "d",
        [],
        [],
        degree_of_parallelism=2,
        priority=3,
        runtime_version="r",
        compute_target="adla",
        source_directory=code,
    )
    batch = module.publish_azure_batch(
        "d", "batch", [], [], pool_id="p", executable="run.cmd", source_directory=code, arguments=["a"]
    )
    with pytest.raises(ValueError, match=r"executable is required"):
        module.publish_azure_batch("d", "batch", [], [], pool_id="p")
    with pytest.raises(ValueError, match=r"pool_id is required"):
        module.publish_azure_batch("d", "batch", [], [], executable="x")
    nodes = {}
    for version, says in ((adla, "AdlaStep"), (batch, "AzureBatchStep")):
        pipeline = Pipeline(ws, [ModuleStep(module_version=version)])
        (nodes[says],) = pipeline._lower_dry().graph["nodes"]
        if says != "AdlaStep":
            assert nodes[says]["arguments"] == [{"literal": "a"}]
        with pytest.raises(UserErrorException, match=says + " cannot run yet"):
            Experiment(ws, "modules").submit(pipeline)
    assert (nodes["AdlaStep"]["kind"], nodes["AdlaStep"]["compute"]["name"]) == ("adla", "adla")
    assert (
        nodes["AdlaStep"]["settings"]["degree_of_parallelism"] == 2 and nodes["AdlaStep"]["settings"]["priority"] == 3
    )
    assert (
        nodes["AzureBatchStep"]["settings"]["pool_id"] == "p" and nodes["AzureBatchStep"]["step_type"] == "ModuleStep"
    )


def test_what_a_module_is_made_of_is_told(ws: Workspace, code: str) -> None:
    module = Module.create(ws, "told", "d")
    port = InputPortDef("i", ["AnyFile"], "download", "/x", True, True, "r", label="an input")
    out = OutputPortDef("o", "workspaceblobstore", "upload", "/y", True, "T", True, label="an output")
    version = sees(module, code, inputs=[port], outputs=[out], params={"p": 1.5})
    interface = ModuleVersion.get(ws, version.module_version_id).interface
    assert isinstance(interface, ModuleDef) and vars(interface.input_port_defs[0]) == vars(port)
    assert vars(interface.output_port_defs[0]) == vars(out)
    assert [(p.name, p.default_value) for p in interface.param_defs] == [("p", "1.5")]
    built = Module.module_def_builder("n", "d", "esCloud", [port], [out], [ParamDef("p")], version="3", step_type="T")
    assert (built.name, built.input_port_defs, built.version, built.step_type) == ("n", [port], "3", "T")
    assert Module.process_source_directory("n", code, "sees.py") == (code, [])
    assert GraphModule.create(ws, "of the graph's class", "d").name == "of the graph's class"
    with pytest.raises(UserErrorException, match=r"Publish on one that azureml.pipeline.core.Module.create"):
        GraphModule("id").publish_python_script("x.py", "d", [], [])


def test_types_of_data_are_kept(ws: Workspace) -> None:
    made = DataType.create_data_type(ws, "Picture", "of something", False)
    child = DataType.create_data_type(ws, "Photo", "of someone", False, parent_datatypes=[made])
    assert child.parent_datatype_ids == [made.id]
    child.update(new_description="of a person", new_parent_datatypes=[])
    found = {each.name: each for each in DataType.list_data_types(ws)}
    assert {"AnyFile", "AnyDirectory", "Picture", "Photo"} <= set(found)
    assert (found["Photo"].description, found["Photo"].parent_datatype_ids) == ("of a person", [])
    assert InputPortDef("i", data_types=[made])._lower()["data_types"] == ["Picture"]
    with pytest.raises(UserErrorException, match=r"There is a data type 'Photo' in this workspace already"):
        DataType.create_data_type(ws, "Photo", "again", True)
