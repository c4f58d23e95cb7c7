"""Compute targets: found by name, made, attached. The stand-in keeps what the API would keep."""

import pytest

from azureml.core.compute import AmlCompute, ComputeInstance, ComputeTarget, DatabricksCompute
from azureml.core.compute_target import ComputeTargetException
from azureml.exceptions import UserErrorException


class Workspace:
    """A workspace whose computes are a dict."""

    name, subscription_id, resource_group, location = "w", "s", "g", "here"

    def __init__(self):
        self.computes = {}

    def _call(self, method, path, body=None, query=None):
        name = path.partition("/")[2]
        if method == "PUT":
            self.computes[name] = body
        elif method == "DELETE":
            return self.computes.pop(name)
        elif not name:
            return {"value": list(self.computes.values()), "next": None}
        if name not in self.computes:
            raise UserErrorException("no", code="NotFound", status_code=404)
        return self.computes[name]


@pytest.fixture
def ws():
    return Workspace()


def test_an_unknown_name(ws):
    with pytest.raises(ComputeTargetException) as caught:
        ComputeTarget(workspace=ws, name="cpu")
    assert caught.value.message.startswith("ComputeTargetNotFound")


def test_a_cluster_is_made_found_and_described(ws, capsys):
    configuration = AmlCompute.provisioning_configuration(
        vm_size="STANDARD_D2_V2", min_nodes="0", max_nodes="4", idle_seconds_before_scaledown="300"
    )
    made = ComputeTarget.create(ws, "cpu", configuration)
    made.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    assert capsys.readouterr().out.startswith("Succeeded\n")
    found = ComputeTarget(ws, "cpu")
    assert type(found) is AmlCompute and found.type == "AmlCompute" and found.name == "cpu"
    assert ws.computes["cpu"]["settings"]["max_nodes"] == 4
    assert found.provisioning_state == "Succeeded" and found.provisioning_errors is None
    assert found.scale_settings.maximum_node_count == 4
    status = found.get_status().serialize()
    assert status["scaleSettings"] == {
        "minNodeCount": 0,
        "maxNodeCount": 4,
        "nodeIdleTimeBeforeScaleDown": "PT300S",
    }
    assert found.status.serialize() == status and "currentNodeCount" in status
    assert [type(c) for c in ComputeTarget.list(ws)] == [AmlCompute]
    assert found.serialize()["properties"]["vm_size"] == "STANDARD_D2_V2" and "cpu" in repr(found)
    found.update(max_nodes="8")
    assert ComputeTarget(ws, "cpu").scale_settings.maximum_node_count == 8
    found.delete()
    assert not ws.computes


@pytest.mark.parametrize("name", ["amlcompute", "local", "containerinstance"])
def test_reserved_names(ws, name):
    with pytest.raises(UserErrorException, match="reserved"):
        ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(max_nodes=1))


def test_settings_that_cannot_be(ws):
    with pytest.raises(UserErrorException, match="max_nodes"):
        ComputeTarget.create(ws, "cpu", AmlCompute.provisioning_configuration(vm_size="x"))
    with pytest.raises(UserErrorException, match="'four'"):
        AmlCompute.provisioning_configuration(max_nodes="four")
    with pytest.raises(UserErrorException, match="greater"):
        AmlCompute.provisioning_configuration(min_nodes=3, max_nodes=2)
    with pytest.raises(UserErrorException, match="provisioning_configuration"):
        ComputeTarget.create(ws, "cpu", {"max_nodes": 1})


def test_the_class_must_be_that_of_the_type(ws):
    ComputeTarget.create(ws, "ci", ComputeInstance.provisioning_configuration(vm_size="x"))
    assert type(ComputeTarget(ws, "ci")) is ComputeInstance
    with pytest.raises(ComputeTargetException, match="ComputeInstance"):
        AmlCompute(ws, "ci")


def test_attached_computes_keep_no_secrets(ws):
    configuration = DatabricksCompute.attach_configuration("group", "bricks", access_token="dapi123")
    attached = ComputeTarget.attach(ws, "db", configuration)
    attached.wait_for_completion(True)
    assert type(ComputeTarget(ws, "db")) is DatabricksCompute
    assert "dapi123" not in str(ws.computes)
