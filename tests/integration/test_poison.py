"""What scripts and callers write that is odd, huge or hostile: taken in or refused, never the end of a run or of the server."""

import hashlib
import json
import threading
from pathlib import Path

import pytest
from forked import serve
from integration.served import API, node, wait_until_served


@pytest.fixture(scope="module")
def client(module_home):
    process = serve(module_home, "--embedded")
    yield (client := wait_until_served(module_home, process))
    client("POST", "/shutdown", {"force": True})
    process.wait(30)


def run_script(client, script):
    answer = client.submit([node(client.snapshot(a__py=script), outputs=[])])[1]
    client.follow(answer["run"]["id"])
    return client.run(answer["steps"][0]["run_id"])


WRITES = """
import json, os
with open(os.environ["PENSTOCK_JOB"] + "/journal", "ab") as journal:
    for line in {lines!r}:
        journal.write(line + b"\\n")
"""


def journal(*lines):
    return WRITES.format(lines=[x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines]).encode()


def metric(name, value):
    return {"op": "metric", "name": name, "kind": "scalar", "value": value}


def test_a_record_longer_than_a_read_is_taken_in_with_those_after_it(client):
    long = {"op": "metric", "name": "table", "kind": "table", "value": {"x": ["y" * 1000] * 9000}}
    script = WRITES.format(lines="LINES").replace("'LINES'", "lines").encode()
    script = (
        b"import json\nlong = "
        + repr({**long, "value": None}).encode()
        + b'\nlong["value"] = {"x": ["y" * 1000] * 9000}\n'
    )
    script += b"lines = [json.dumps(r).encode() for r in (" + repr(metric("before", 1)).encode() + b", long, "
    script += repr(metric("after", 2)).encode() + b")]\n" + WRITES.format(lines=0).replace("0:", "lines:").encode()
    run = run_script(client, script)
    assert run["status"] == "Completed", run["error"]
    found = client("GET", f"/ws/w/runs/{run['id']}/metrics")[1]["value"]
    assert [m["name"] for m in found] == ["before", "table", "after"]


def test_records_that_no_database_takes_become_warnings_or_plain_text(client):
    lines = (
        rb'{"op": "metric", "name": "lone \ud800 surrogate", "kind": "scalar", "value": 1}',
        rb'{"op": "artifact", "name": "big", "path": "files/big", "size_bytes": 1e400}',
        b'{"op": "tag", "name": "nul\\u0000", "value": "a\\u0000b"}',
        b"\xff\xfe not JSON at all",
        json.dumps(metric("good", 5)).encode(),
    )
    run = run_script(client, journal(*lines))
    assert run["status"] == "Completed", run["error"]
    found = client("GET", f"/ws/w/runs/{run['id']}/metrics")[1]["value"]
    assert [m["value"] for m in found] == [1, 5]
    assert len(run["warnings"]) >= 2


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil.txt", "a/../../b"])
def test_an_artifacts_name_leads_nowhere_but_down(client, name):
    run = run_script(client, journal({"op": "artifact", "name": name, "path": "files/x", "size_bytes": 1}))
    names = [f["name"] for f in client("GET", f"/ws/w/runs/{run['id']}/files")[1]["value"]]
    assert not any(".." in n or n.startswith("/") for n in names)


def test_a_snapshot_whose_blob_was_lost_is_asked_for_again(client):
    content = b"print('mended')"
    digest = client.snapshot(a__py=content)
    blob = hashlib.sha256(content).hexdigest()
    path = client.home / "blobs" / blob[:2] / blob
    path.unlink()
    offer = {
        "files": [{"path": "a.py", "size": len(content), "mode": 0o644, "digest": "sha256:" + blob}],
        "digest": digest,
    }
    assert client("POST", "/ws/w/snapshots", offer)[1] == {"missing": ["sha256:" + blob]}
    path.write_bytes(content[:-3])
    assert client("POST", "/ws/w/snapshots", offer)[1] == {"missing": ["sha256:" + blob]}, "nor is half of it enough"
    assert run_script(client, content)["status"] == "Completed"


def test_the_same_new_snapshot_from_many_callers_at_once(client):
    answers = []

    def offer(n):
        for i in range(10):
            client.snapshot(a__py=b"print(%d)" % i)
        answers.append(n)

    threads = [threading.Thread(target=offer, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(answers) == [0, 1, 2, 3]
    assert not [p for p in Path(client.home, "snapshots").iterdir() if not p.name.endswith(".json")]


def test_the_homes_token_goes_to_the_homes_own_server_alone(client, monkeypatch):
    from azureml._client.client import Client as SdkClient

    monkeypatch.setenv("PENSTOCK_HOME", str(client.home))
    own = client.record()["url"]
    assert SdkClient(own).token() == SdkClient().token() == (client.home / "token").read_text().strip()
    assert SdkClient("http://elsewhere.example:80").token() is None
    monkeypatch.setenv("AZUREML_RUN_TOKEN", "of a run")
    monkeypatch.setenv("PENSTOCK_JOB", "/a/job")
    monkeypatch.setenv("AZUREML_SERVICE_ENDPOINT", own)
    assert SdkClient(own).token() == "of a run"
    assert SdkClient("http://elsewhere.example:80").token() is None
    monkeypatch.setenv("PENSTOCK_TOKEN", "given")
    assert SdkClient("http://elsewhere.example:80").token() == "given"


def test_a_download_stays_in_its_folder(tmp_path):
    from azureml._runs.files import _beneath
    from azureml.exceptions import UserErrorException

    assert _beneath(str(tmp_path), "outputs/a.txt") == str(tmp_path / "outputs/a.txt")
    for name in ("../a", "a/../../b", "/etc/passwd"):
        with pytest.raises(UserErrorException):
            _beneath(str(tmp_path), name)


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "cursor=x", "limit=99999999"])
def test_odd_page_sizes_are_clamped_or_refused(client, query):
    assert client.raw("GET", f"{API}/ws/w/runs?{query}")[0] in (200, 400)


def test_one_key_from_many_callers_at_once_is_one_run(client):
    nodes, answers = [node(client.snapshot(a__py=b"print(1)"), outputs=[])], []
    threads = [
        threading.Thread(target=lambda: answers.append(client.submit(nodes, idempotency_key="one"))) for _ in range(6)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [status for status, _ in answers] == [201] * 6
    assert len({answer["run"]["id"] for _, answer in answers}) == 1


def test_a_story_longer_than_a_page_is_told_to_its_end(client):
    lines = [{"op": "nonsense", "n": n} for n in range(4500)]
    run = run_script(client, journal(*lines))
    assert run["status"] == "Completed" and len(run["warnings"]) == 4500
    told = client.follow(run["root_id"])
    assert told[-1]["event"]["run_id"] == run["root_id"] and told[-1]["event"]["name"] == "completed"
    assert len(told) > 4500


def test_a_file_needs_a_name_and_the_default_datastore_stays(client):
    run = client("POST", "/ws/w/interactive_runs", {"experiment": "e"})[1]
    assert client.raw("PUT", f"{API}/ws/w/runs/{run['id']}/files/.", b"x")[0] == 400
    client("PUT", "/ws/w/datastores/mine", {})
    client("PUT", "/ws/w/default_datastore", {"name": "mine"})
    status, answer = client("DELETE", "/ws/w/datastores/mine")
    assert status == 400 and "set_default_datastore" in answer["error"]["message"]
    client("PUT", "/ws/w/default_datastore", {"name": "workspaceblobstore"})


def test_a_file_whose_name_is_no_unicode_does_not_keep_the_step_from_ending(client):
    script = b"""
import os
os.makedirs("outputs", exist_ok=True)
open(b"outputs/\\xff.bin", "w").write("x")
open("outputs/fine.txt", "w").write("x")
"""
    run = run_script(client, script)
    assert run["status"] == "Completed", run["error"]
    names = [f["name"] for f in client("GET", f"/ws/w/runs/{run['id']}/files")[1]["value"]]
    assert "outputs/fine.txt" in names and not any("xff" in n for n in names)
    assert "no UTF-8" in run["warnings"][0] and "\\udcff" in run["warnings"][0]


def test_a_destination_that_leads_out_is_refused(client):
    outputs = [{"name": "o", "reference": "dataset", "destination": "../outside"}]
    status, answer = client.submit([node(client.snapshot(a__py=b""), outputs=outputs)])
    assert status == 400 and "leads out of its datastore" in answer["error"]["message"]


def test_a_dataset_that_cannot_be_mounted_fails_its_step_alone(client):
    saved = client("POST", "/ws/w/datasets", {"kind": "file", "definition": {"paths": 5}})[1]["id"]
    reads = {"name": "i", "source": {"dataset": saved}, "mode": "mount", "reference": "dataset"}
    snapshot = client.snapshot(a__py=b"print('fine')")
    bad = client.submit([node(snapshot, inputs=[reads], outputs=[])])[1]["run"]["id"]
    good = client.submit([node(snapshot, outputs=[])])[1]["run"]["id"]
    client.follow(bad)
    client.follow(good)
    assert (client.run(bad)["status"], client.run(good)["status"]) == ("Failed", "Completed")
    assert "step 0" in client.children(bad)[0]["error"]["message"]
    assert json.loads(client.raw("GET", "/healthz")[1])["status"] == "ok"


def test_no_compute_starves_another(client):
    snapshot = client.snapshot(a__py=b"import time\ntime.sleep(0.05)")
    slots = client("GET", "/server")[1]["slots"]
    many = [node(snapshot, n, compute={"name": "aa"}, outputs=[]) for n in range(6 * slots)]
    first = client.submit(many)[1]["run"]["id"]
    second = client.submit([node(snapshot, compute={"name": "bb"}, outputs=[])])[1]["run"]["id"]
    client.follow(first)
    ended = {r: client.run(r)["ended_at"] for r in (first, second)}
    assert ended[second] is not None and ended[second] < ended[first]


def test_links_in_outputs_are_kept_as_what_they_lead_to(client):
    script = b"""
import os
os.makedirs("ck/deep", exist_ok=True)
os.makedirs("outputs", exist_ok=True)
open("ck/model.pt", "w").write("best")
open("ck/deep/a", "w").write("deep")
os.symlink("../ck/model.pt", "outputs/last.pt")
os.symlink(os.path.abspath("ck/deep"), "outputs/folder")
os.symlink("nowhere", "outputs/dead")
"""
    run = run_script(client, script)
    assert run["status"] == "Completed"
    names = [f["name"] for f in client("GET", f"/ws/w/runs/{run['id']}/files")[1]["value"]]
    assert {"outputs/last.pt", "outputs/folder/a"} <= set(names)
    assert client.raw("GET", f"{API}/ws/w/runs/{run['id']}/files/outputs/last.pt") == (200, b"best")
    assert "outputs/dead" in run["warnings"][0] and "step 0" in run["warnings"][0]
