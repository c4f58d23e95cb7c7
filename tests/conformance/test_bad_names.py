"""Names and versions that cannot be: refused in a sentence with the name, whatever is called so, and nothing is made. Against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from azureml.core import Dataset, Datastore, Environment, Experiment, Model, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.exceptions import AzureMLException
from azureml.pipeline.core import Pipeline
from azureml.pipeline.steps import PythonScriptStep

KINDS = {
    "model": lambda ws, name: Model.register(ws, __file__, name),
    "dataset": lambda ws, name: Dataset.File.from_files((ws.get_default_datastore(), "x")).register(ws, name),
    "datastore": lambda ws, name: Datastore.register_azure_blob_container(ws, name, "c", "a"),
    "environment": lambda ws, name: Environment(name).register(ws),
    "compute": lambda ws, name: ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(max_nodes=1)),
    "workspace": lambda ws, name: Workspace.create(name),
    "experiment": lambda ws, name: Experiment(ws, name),
}


def everything(ws: Workspace) -> list[object]:
    """The names of all there is."""
    listed = (
        ws.models,
        ws.datasets,
        ws.datastores,
        ws.environments,
        ws.compute_targets,
        Workspace.list(None),
        ws.experiments,
    )
    return [sorted(each) for each in listed]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "/", "a\0b", "x" * 300, "a\nb"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_name_that_leads_elsewhere_or_is_none(module_workspace: Workspace, kind: str, name: str) -> None:
    before = everything(module_workspace)
    with pytest.raises(AzureMLException) as caught:
        KINDS[kind](module_workspace, name)
    said = caught.value.message
    assert "See /docs" not in said and "/api/" not in said, "an address of the API is nothing to a caller"
    assert any(word in said for word in ("name", "NUL", "must be")), said
    assert everything(module_workspace) == before


@pytest.mark.parametrize("version", [0, -1, 99, "x", "1.5", 1.5, True, "", [1]])
def test_a_version_that_cannot_be(module_workspace: Workspace, version: object) -> None:
    ws = module_workspace
    Model.register(ws, __file__, "versioned")
    Dataset.File.from_files((ws.get_default_datastore(), "x")).register(ws, "versioned")
    for find in (
        lambda: Model(ws, "versioned", version=version),
        lambda: Dataset.get_by_name(ws, "versioned", version=version),
    ):
        with pytest.raises(AzureMLException, match=r"version|ModelNotFound"):
            find()
    assert Model(ws, "versioned", version="1").version == 1, "a number may come as text, from a command line"
    assert Dataset.get_by_name(ws, "versioned", version=1.0).version == 1


@pytest.mark.parametrize("path", ["../x", "a/../../x", "a\0b"])
def test_a_path_that_leads_out_of_a_datastore_is_refused_wherever_it_is_given(
    module_workspace: Workspace, tmp_path: Path, path: str
) -> None:
    import pandas

    store = module_workspace.get_default_datastore()
    frame = pandas.DataFrame({"a": [1]})
    for act in (
        lambda: Dataset.File.from_files((store, path)).to_path(),
        lambda: Dataset.Tabular.from_delimited_files((store, path)),
        lambda: Dataset.Tabular.from_parquet_files((store, path)),
        lambda: Dataset.Tabular.from_json_lines_files((store, path)),
        lambda: Dataset.Tabular.register_pandas_dataframe(frame, (store, path), "out", show_progress=False),
        lambda: Dataset.File.upload_directory(str(tmp_path), (store, path), show_progress=False),
        lambda: store.upload(str(tmp_path), path, show_progress=False),
        lambda: store.download(str(tmp_path), path, show_progress=False),
    ):
        with pytest.raises(AzureMLException, match="leads out of"):
            act()
    (tmp_path / "x.py").write_text("")
    reference = store.path(path, data_reference_name="r")
    step = PythonScriptStep(
        "x.py", source_directory=str(tmp_path), arguments=[reference], inputs=[reference], compute_target="cpu"
    )
    run = Experiment(module_workspace, "out").submit(Pipeline(module_workspace, [step]))
    assert run.wait_for_completion(show_output=False, raise_on_error=False) == "Failed"
    assert "leads out of its folder" in next(run.get_steps()).get_details()["error"]["error"]["message"]
