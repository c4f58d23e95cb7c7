"""PipelineData, references, output configurations and consumption configurations: names, defaults, errors, copies."""

import re

import pytest

from azureml.core.runconfig import DataReferenceConfiguration
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.output_dataset_config import (
    HDFSOutputDatasetConfig,
    LinkTabularOutputDatasetConfig,
    OutputFileDatasetConfig,
    OutputTabularDatasetConfig,
)
from azureml.data.sql_data_reference import SqlDataReference
from azureml.data.stored_procedure_parameter import StoredProcedureParameter
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import InputPortBinding, PipelineData, TrainingOutput
from azureml.pipeline.core.builder import PipelineData as PipelineDataOfBuilder


class Store:
    """As much of a datastore as authoring asks of one."""

    def __init__(self, name="blob"):
        self.name = name


# --- PipelineData ---------------------------------------------------------------------------------------------------


def test_pipeline_data_is_one_class_at_both_paths():
    assert PipelineData is PipelineDataOfBuilder


def test_pipeline_data_without_a_name():
    with pytest.raises(ValueError, match="PipelineData name cannot be empty"):
        PipelineData("")


@pytest.mark.parametrize("name", ["a-b", "a b", "a.b", "å-ä"])
def test_pipeline_data_with_a_bad_name(name):
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        PipelineData(name)


def test_pipeline_data_with_a_bad_mode():
    with pytest.raises(ValueError, match=r"^Invalid output mode \[download\]$"):
        PipelineData("x", output_mode="download")


def test_pipeline_data_shows_itself_as_its_variable():
    data = PipelineData("prepped", Store(), data_type="AnyFile")
    assert str(data) == repr(data) == data.get_env_variable_name() == "$AZUREML_DATAREFERENCE_prepped"
    assert (data.name, data.datastore.name, data.data_type) == ("prepped", "blob", "AnyFile")


def test_pipeline_data_as_an_input():
    data = PipelineData("x")
    assert isinstance(data.as_mount(), InputPortBinding)
    assert (data.as_mount().name, data.as_mount().bind_mode, data.as_mount().bind_object) == ("x", "mount", data)
    download = data.as_download("y", "/tmp/y", True)
    assert (download.name, download.bind_mode, download.path_on_compute, download.overwrite) == (
        "y",
        "download",
        "/tmp/y",
        True,
    )
    assert data.as_input("z").name == "z"
    with pytest.raises(ValueError, match="teleport"):
        data.create_input_binding(mode="teleport")
    with pytest.raises(ValueError, match="teleport"):
        InputPortBinding("x", data, bind_mode="teleport")


def test_as_dataset_copies_and_keeps_the_output_name():
    files = PipelineData("x", output_name="out").as_dataset()
    named = files.as_named_input("there")
    assert (files.name, files.input_name, named.input_name) == ("out", "out", "there")
    assert files.as_download("/d") is not files
    table = named.parse_delimited_files().keep_columns(["a"])
    assert table._transform[0]["file_extension"] == ".csv" and table._input_mode == "direct"
    assert files.parse_delimited_files(separator="\t")._transform[0]["file_extension"] == ".tsv"
    assert files.parse_parquet_files()._transform[0]["file_extension"] == ".parquet"
    first, second = table.random_split(0.3, seed=1)
    assert (first._transform[-1]["part"], second._transform[-1]["part"]) == (1, 2)
    assert len(table._transform) == 2
    assert files.register("kept")._registration.create_new_version is True
    with pytest.raises(ValueError, match="from 0 to 1"):
        table.random_split(2)


def test_training_output():
    assert TrainingOutput("metrics").type == "Metrics"
    assert TrainingOutput("MODEL", model_file="m.pkl").model_file == "m.pkl"
    for wrong in ({"type": "Metrics", "iteration": 1}, {"type": "Model", "iteration": 1, "metric": "a"}, {"type": "x"}):
        with pytest.raises(ValueError):
            TrainingOutput(**wrong)


# --- references -----------------------------------------------------------------------------------------------------


def test_data_reference_names_and_modes():
    assert DataReference(Store()).data_reference_name == "blob"
    assert re.fullmatch("[0-9a-f]{8}", DataReference(Store(), path_on_datastore="x").data_reference_name)
    reference = DataReference(Store(), "raw", "a/b")
    assert str(reference) == "$AZUREML_DATAREFERENCE_raw"
    assert (reference.mode, reference.overwrite, reference.path("c").path_on_datastore) == ("mount", False, "a/b/c")
    assert reference.as_download("/x", True).path_on_compute == "/x" and reference.as_upload().mode == "upload"
    assert reference.as_mount().data_reference_name == "raw"
    assert isinstance(reference.to_config(), DataReferenceConfiguration)
    with pytest.raises(UserErrorException, match="direct"):
        DataReference(Store(), mode="direct")


def test_data_path():
    path = DataPath(Store(), "a/b")
    assert re.fullmatch("blob_[0-9a-f]{8}", path.name) and path.datastore_name == "blob"
    assert path.create_data_reference("x", DataPathComputeBinding("download")).mode == "download"
    assert DataPath.create_from_data_reference(DataReference(Store(), "x", "y")).path_on_datastore == "y"
    binding = DataPathComputeBinding()
    assert (binding.mode, binding.path_on_compute, binding.overwrite) == ("mount", None, False)
    with pytest.raises(ValueError, match="datastore"):
        DataPath()
    with pytest.raises(UserErrorException, match="teleport"):
        DataPathComputeBinding("teleport")


def test_sql_data_reference_takes_whatever_it_is_given():
    several = SqlDataReference(Store(), sql_table="t", sql_query="q")._source()["sql"]
    assert (several["table"], several["query"]) == ("t", "q")
    reference = SqlDataReference(
        Store("sql"), "r", sql_stored_procedure="p", sql_stored_procedure_params=[StoredProcedureParameter("n", 5)]
    )
    assert reference._source()["sql"]["stored_procedure_params"] == [{"name": "n", "value": "5", "type": "String"}]


# --- output configurations ------------------------------------------------------------------------------------------


def test_output_file_dataset_config_defaults():
    output = OutputFileDatasetConfig()
    assert re.fullmatch("output_[0-9a-f]{8}", output.name)
    assert (output.mode, output.arg_val) == ("mount", "DatasetOutputConfig:" + output.name)
    assert OutputFileDatasetConfig("x").as_upload(True, "*.csv").mode == "upload"
    with pytest.raises(ValueError):
        OutputFileDatasetConfig("a-b")
    with pytest.raises(ValueError, match="destination"):
        OutputFileDatasetConfig("x", destination="azureml/there")


def test_copies_of_an_output_share_its_producer():
    output = OutputFileDatasetConfig("x")
    copies = (output.as_upload(), output.register_on_complete("n"), output.read_delimited_files())
    assert all(copy is not output and copy._slot is output._slot for copy in copies)
    assert isinstance(output.read_parquet_files(), OutputTabularDatasetConfig)
    one, two = output.read_delimited_files().drop_columns("a").random_split(0.5)
    assert (one.name, two.name) == ("x_1", "x_2")


def test_register_on_complete_needs_a_name():
    with pytest.raises(ValueError, match="name"):
        OutputFileDatasetConfig("x").register_on_complete("")


def test_as_input_makes_a_new_name_on_each_call():
    output = OutputFileDatasetConfig("x")
    one, two = output.as_input(), output.as_input()
    assert re.fullmatch("input_[0-9a-f]{8}", one.name) and one.name != two.name and one.mode == "mount"
    assert output.as_input("there").name == "there"
    assert output.read_delimited_files().as_input("t").mode == "direct"


def test_other_outputs():
    assert HDFSOutputDatasetConfig("x", (Store(), "a")).mode == "hdfs"
    assert LinkTabularOutputDatasetConfig("x").as_input("y").mode == "direct"
    with pytest.raises(ValueError, match="read_delimited_files"):
        OutputTabularDatasetConfig()


# --- consumption configurations -------------------------------------------------------------------------------------


class FileDataset:
    def _saved_id(self, workspace):
        return "f1"

    def as_named_input(self, name):
        return DatasetConsumptionConfig(name, self)


class TabularDataset(FileDataset):
    pass


def test_consumption_modes_give_new_objects():
    named = FileDataset().as_named_input("there")
    assert (named.name, named.mode, str(named)) == ("there", "direct", "DatasetConsumptionConfig:there")
    mounted = named.as_mount("/x")
    assert (mounted.mode, mounted.path_on_compute, named.mode) == ("mount", "/x", "direct")
    assert named.as_download().mode == "download" and named.as_hdfs().mode == "hdfs"


@pytest.mark.parametrize("name", ["a-b", "a b", "", "1a"])
def test_named_inputs_follow_the_name_rule(name):
    with pytest.raises(UserErrorException, match=f'Invalid input name "{name}"'):
        FileDataset().as_named_input(name)


def test_a_table_cannot_be_mounted():
    with pytest.raises(UserErrorException, match=r"does not support mount\. Only FileDataset supports mount"):
        TabularDataset().as_named_input("x").as_mount()
