"""Modules, drafts and types of data over HTTP, from clients that send anything: refused in whole sentences, and nothing kept or changed."""

import pytest
from forked import serve
from integration.served import wait_until_served

GOOD = {
    "kind": "python_script",
    "settings": {"script_name": "a.py"},
    "inputs": [{"name": "i", "mode": "download", "is_optional": True}],
    "outputs": [{"name": "o"}],
    "parameters": [{"name": "p", "default": "1"}],
    "arguments": [{"literal": "--in"}, {"input": "i"}, {"output": "o"}, {"parameter": "p"}],
}


@pytest.fixture(scope="module")
def client(module_home):
    process = serve(module_home, "--embedded")
    client = wait_until_served(module_home, process)
    client("PUT", "/workspaces/other", {"create": True, "exist_ok": True})
    yield client
    client("POST", "/shutdown", {"force": True})
    assert process.wait(30) == 0


@pytest.fixture(scope="module")
def module(client):
    return client("POST", "/ws/w/modules", {"name": "m", "description": "d"})[1]


def refused(answer, status, *words):
    found, body = answer
    said = body["error"]["message"]
    assert found == status and said.count(".") >= 1 and all(word in said for word in words), body


def test_a_version_is_kept_as_it_was_sent_and_never_changes(client, module):
    snapshot = client.snapshot(a__py=b"pass")
    status, version = client(
        "POST",
        f"/ws/w/modules/{module['id']}/versions",
        {**GOOD, "snapshot": snapshot, "description": "d", "default": True},
    )
    assert (status, version["version"], version["module"]) == (
        201,
        "1",
        {"id": module["id"], "name": "m", "status": "Active"},
    )
    place = f"/ws/w/module_versions/{version['id']}"
    assert {k: version[k] for k in GOOD} == GOOD and client("GET", place)[1] == version
    refused(
        client("PUT", place, {"settings": {"script_name": "b.py"}}),
        400,
        "Version '1' of module 'm' never changes in settings",
        "Publish another",
    )
    refused(client("PUT", place, {"status": "Lost"}), 400, "Active, Deprecated, Disabled", "'Lost'")
    for method, path in (("DELETE", place), ("DELETE", f"/ws/w/modules/{module['id']}")):
        status, body = client(method, path)
        assert status == 405 and body["error"]["message"]
    assert client("GET", place)[1] == version
    assert client("GET", f"/ws/w/modules/{module['id']}")[1]["default_version"] == "1"
    refused(client("GET", f"/ws/other/module_versions/{version['id']}"), 404, "no module version", "'other'")
    refused(client("GET", f"/ws/other/modules/{module['id']}"), 404, "no module")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": None}, "kind is that of a step, not None"),
        ({"kind": "magic"}, "'magic'"),
        ({"inputs": "text"}, "inputs is 'text'. Send a list of JSON objects"),
        ({"outputs": [1]}, "outputs is [1]"),
        ({"arguments": {"a": 1}}, "Send a list"),
        ({"arguments": [{"input": "x"}]}, "'x'"),
        ({"arguments": [{"a": 1, "b": 2}]}, "argument"),
        ({"settings": []}, "must be an object"),
        ({"settings": [1]}, "settings is [1], but must be an object"),
        ({"settings": {"script_name": 3}}, "script_name"),
        ({"settings": {"script_name": "other.py"}}, "there is no 'other.py' in its source folder"),
        ({"snapshot": 7}, "snapshot is 7, but must be text"),
        ({"snapshot": "sha256:" + "0" * 64}, "was never uploaded"),
        ({"snapshot": "../../etc"}, "no sha256 digest"),
        ({"inputs": [{"name": "a b"}]}, "'a b'"),
        ({"inputs": [{"name": "o"}]}, "'o'"),
        ({"inputs": [{}]}, "None"),
        ({"parameters": [{"name": "p"}, {"name": "p"}]}, "p"),
        ({"parameters": [{}]}, "name"),
        ({"run_definition": "x"}, "run_definition is 'x'"),
        ({"version": ""}, "name '' is invalid"),
        ({"version": "v" * 300}, "is invalid"),
    ],
)
def test_what_is_no_version_is_refused_and_not_kept(client, module, change, words):
    body = {**GOOD, "snapshot": client.snapshot(a__py=b"pass"), **change}
    before = client("GET", f"/ws/w/modules/{module['id']}")[1]["versions"]
    status, answer = client("POST", f"/ws/w/modules/{module['id']}/versions", body)
    assert status == 400 and words in str(answer["error"]), answer
    assert client("GET", f"/ws/w/modules/{module['id']}")[1]["versions"] == before


def test_names_and_states_of_modules(client, module):
    assert [m["name"] for m in client("GET", "/ws/w/modules")[1]["value"]] == ["m"]
    refused(client("POST", "/ws/w/modules", {"name": "m"}), 409, "There is a module 'm'", "Choose another name")
    for name in (None, "", " ", "n" * 256):
        refused(client("POST", "/ws/w/modules", {"name": name}), 400, "is invalid")
    for name in (3, "n\0"):
        refused(client("POST", "/ws/w/modules", {"name": name}), 400, "must be text without NUL")
    refused(client("PUT", f"/ws/w/modules/{module['id']}", {"status": "Gone"}), 400, "'Gone'")
    refused(client("PUT", f"/ws/w/modules/{module['id']}", {"default_version": "9"}), 404, "no version '9'")
    refused(client("POST", "/ws/nowhere/modules", {"name": "x"}), 404, "nowhere")
    refused(client("POST", "/ws/w/modules/none/versions", GOOD), 404, "There is no module 'none'")
    assert client("GET", "/ws/other/modules")[1]["value"] == []


def test_drafts_and_types_of_data(client):
    refused(client("POST", "/ws/w/drafts", {"graph": {"schema": 1, "nodes": []}}), 400, "step")
    refused(client("POST", "/ws/w/drafts", {"run_id": "none"}), 404, "none")
    refused(client("GET", "/ws/w/drafts/none"), 404, "There is no draft 'none'")
    refused(client("DELETE", "/ws/w/drafts/none"), 404, "There is no draft 'none'")
    assert client("GET", "/ws/w/drafts")[1]["value"] == []
    status, made = client("POST", "/ws/w/data_types", {"name": "T", "is_directory": True, "parents": "no list"})
    assert (status, made["parents"], made["is_directory"]) == (201, [], True)
    refused(client("POST", "/ws/w/data_types", {"name": "T"}), 409, "There is a data type 'T'")
    refused(client("PUT", "/ws/w/data_types/none", {}), 404, "There is no data type 'none'")
    assert client("PUT", f"/ws/w/data_types/{made['id']}", {"parents": ["A"]})[1]["parents"] == ["A"]
