"""Care of the store on a real server: which results may be reused, clearing outputs away and bringing them back, what always stays."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from forked import serve
from integration.served import node, wait_until_served

from penstock.cli import terminal

SCRIPT = b"""
import os, sys
out = os.environ["AZUREML_DATAREFERENCE_out"]
os.makedirs(out, exist_ok=True)
open(os.path.join(out, "data.txt"), "w").write(sys.argv[1] * 1000)
"""
WAITS = b"""
import os, sys
open(os.environ["GATE"]).read()
"""


@pytest.fixture(scope="module")
def client(module_home):
    process = serve(module_home, "--embedded")
    client = wait_until_served(module_home, process)
    client.script, client.waits = client.snapshot(a__py=SCRIPT), client.snapshot(a__py=WAITS)
    yield client
    client("POST", "/shutdown", {"force": True})
    assert process.wait(30) == 0


class Place:
    """One test's own step, told from others' by its argument."""

    def __init__(self, client, name):
        self.client, self.name = client, name

    def nodes(self):
        return [node(self.client.script, arguments=[{"literal": self.name}], allow_reuse=True, name=self.name)]

    def run(self, nodes=None):
        """The step run of a pipeline run that has ended, and the run it was reused from, if it was."""
        answer = self.client.submit(nodes or self.nodes())[1]
        self.root = answer["run"]["id"]
        self.client.follow(self.root)
        step_id = answer["steps"][0]["run_id"]
        assert self.client.run(step_id)["status"] == "Completed"
        return step_id, self.client.run(step_id)["properties"].get("azureml.reusedrunid")

    def output(self, step_id):
        (found,) = self.client("GET", f"/ws/w/runs/{step_id}/outputs")[1]["value"]
        return found

    def gc(self, **body):
        status, answer = self.client("POST", "/gc", {"max_age_seconds": 0, **body})
        assert status == 200, answer
        return answer

    def kept_because(self, step_id):
        return {o["run_id"]: o["kept_because"] for o in self.gc()["kept"]}[step_id]


@pytest.fixture
def place(client, request):
    client("POST", "/gc", {"max_age_seconds": 0, "delete": True})  # what tests before left
    client("POST", "/gc/purge", {})
    return Place(client, request.node.name)


def cli(client, *args):
    argv = [sys.executable, "-m", "penstock", *args, "--home", str(client.home)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def test_a_dry_run_says_what_would_go_and_changes_nothing(client, place):
    step_id, _ = place.run()
    path = Path(place.output(step_id)["local_path"])
    told = place.gc()
    assert [o["run_id"] for o in told["outputs"]] == [step_id] and not told["deleted"]
    assert told["size_bytes"] == 1000 * len(place.name)
    assert (path / "data.txt").exists() and place.run()[1] == step_id


def test_what_is_cleared_away_is_not_reused_and_can_be_brought_back(client, place):
    step_id, _ = place.run()
    path = Path(place.output(step_id)["local_path"])
    before = (path / "data.txt").read_bytes()
    done = place.gc(delete=True)
    assert [o["run_id"] for o in done["outputs"]] == [step_id] and not path.exists()
    cleared = place.output(step_id)["cleared"]
    assert cleared["until"] > cleared["at"]
    (aside,) = client("GET", "/cleared")[1]["value"]
    assert aside["run_id"] == step_id and aside["sweep"] == done["sweep"]
    status, answer = client("POST", "/gc/restore", {"sweep": done["sweep"]})
    assert (status, answer["restored"], answer["not_restored"]) == (200, 1, [])
    assert (path / "data.txt").read_bytes() == before and place.output(step_id)["cleared"] is None
    assert place.run()[1] == step_id, "what is back is reused as ever"
    assert client("POST", "/gc/restore", {})[0] == 404


def test_a_step_whose_result_was_cleared_away_runs_again_and_says_so(client, place):
    step_id, _ = place.run()
    place.gc(delete=True)
    again, hit = place.run()
    assert hit is None
    (why,) = client("GET", f"/ws/w/runs/{again}/why")[1]["steps"]
    assert why["because"] == [f"run {step_id} did the same, but what it wrote was cleared away"]
    assert client("POST", "/gc/restore", {})[1]["restored"] == 1, "the old one comes back beside the new one"


def test_purged_means_gone_and_the_page_says_so(client, place):
    step_id, _ = place.run()
    path = Path(place.output(step_id)["local_path"])
    place.gc(delete=True)
    answer = client("POST", "/gc/purge", {})[1]
    assert (answer["deleted"], answer["size_bytes"]) == (1, 1000 * len(place.name))
    assert not path.exists() and not (path.parents[2] / ".staging/.removed").exists()
    assert place.output(step_id)["cleared"]["until"] is None
    shown = cli(client, "run", "show", place.root).stdout
    assert f"  {terminal.size(1000 * len(place.name))} in 1 file  {path} (cleared away)\nCleared away on " in shown
    assert " and deleted since." in shown
    status, page = client.raw("GET", f"/runs/{place.root}", headers={"Accept": "text/html"})
    assert status == 200 and b"Cleared away on " in page


def test_what_was_put_in_its_place_meanwhile_is_not_overwritten(client, place):
    step_id, _ = place.run()
    path = Path(place.output(step_id)["local_path"])
    place.gc(delete=True)
    path.mkdir(parents=True)
    (path / "mine.txt").write_text("mine")
    answer = client("POST", "/gc/restore", {})[1]
    assert answer["restored"] == 0 and [r["run_id"] for r in answer["not_restored"]] == [step_id]
    assert (path / "mine.txt").read_text() == "mine"
    (path / "mine.txt").unlink()
    path.rmdir()
    assert client("POST", "/gc/restore", {})[1]["restored"] == 1


def test_age_and_size_choose_the_least_recently_used(client, place):
    first, second = (Place(client, f"{place.name}{n}") for n in "12")
    one, two = first.run()[0], second.run()[0]
    first.run()  # a hit: so it was used last
    size = place.output(two)["size_bytes"]
    kept = place.gc()["kept_bytes"]
    assert place.gc(max_age_seconds=3600)["outputs"] == []
    assert [o["run_id"] for o in place.gc(max_age_seconds=None, max_bytes=kept + size)["outputs"]] == [two]
    assert {o["run_id"] for o in place.gc(max_age_seconds=None)["outputs"]} == {one, two}
    status, answer = client("POST", "/gc", {"delete": True})
    assert status == 400 and "--older-than" in answer["error"]["message"]
    assert client("POST", "/gc", {"max_bytes": -1})[0] == 400


def test_a_pinned_run_stays_and_so_does_what_it_reused(client, place):
    step_id, _ = place.run()
    place.run()
    assert client("PUT", f"/ws/w/runs/{place.root}/pin", {})[0] == 200, "the run that reused it is pinned"
    assert place.gc(delete=True)["outputs"] == []
    assert place.kept_because(step_id) == f"run {place.root} is pinned"
    assert client("DELETE", f"/ws/w/runs/{place.root}/pin")[1]["was_pinned"] is True
    assert [o["run_id"] for o in place.gc()["outputs"]] == [step_id]
    assert client("PUT", "/ws/w/runs/nosuch/pin", {})[0] == 404


def test_what_a_registered_dataset_leads_to_stays(client, place):
    step_id, _ = place.run()
    output = place.output(step_id)
    for path in (output["path"], output["path"] + "/*.txt", str(Path(output["path"]).parent)):
        definition = {"paths": [{"datastore": output["datastore"], "path": path}]}
        saved = client("POST", "/ws/w/datasets", {"kind": "file", "definition": definition})[1]["id"]
        body = {"name": "kept", "id": saved, "create_new_version": True}
        made = client("POST", "/ws/w/datasets/register", body)
        assert made[0] == 201, made
        assert place.gc(delete=True)["outputs"] == [], path
        assert place.kept_because(step_id).startswith("dataset 'kept' version ")
        client("DELETE", "/ws/w/datasets?name=kept")
    assert [o["run_id"] for o in place.gc()["outputs"]] == [step_id]


def test_what_an_active_run_reads_stays(client, place, tmp_path):
    import os

    step_id, _ = place.run()
    output, gate = place.output(step_id), tmp_path / "gate"
    os.mkfifo(gate)
    waits = {"environment_variables": {"GATE": str(gate)}, "outputs": [], "name": "waits"}
    reads = [{"name": "d", "source": {"datastore": output["datastore"], "path": output["path"]}}]
    by_path = client.submit([node(client.waits, inputs=reads, **waits)])[1]["run"]["id"]
    assert place.gc(delete=True)["outputs"] == []
    assert place.kept_because(step_id) == f"run {by_path} is under way"
    gate.write_text("")
    client.follow(by_path)
    reused = client.submit([*place.nodes(), node(client.waits, 1, after=["00000000"], **waits)])[1]
    while client.run(reused["steps"][0]["run_id"])["status"] != "Completed":
        pass
    assert place.gc(delete=True)["outputs"] == [], "a hit of a run that goes on"
    gate.write_text("")
    client.follow(reused["run"]["id"])
    assert [o["run_id"] for o in place.gc()["outputs"]] == [step_id]


def test_of_many_at_once_each_output_is_cleared_once_and_all_come_back(client, place):
    places = [Place(client, f"{place.name}{n}") for n in range(6)]
    ids = {p.run()[0] for p in places}
    answers = []

    def clear():
        answers.append(client("POST", "/gc", {"max_age_seconds": 0, "delete": True})[1])

    threads = [threading.Thread(target=clear) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cleared = [o["run_id"] for a in answers for o in a["outputs"]]
    assert sorted(cleared) == sorted(ids)
    assert client("POST", "/gc/restore", {})[1]["restored"] == 6
    assert all(p.run()[1] in ids for p in places)


def test_results_are_listed_shown_forgotten_and_verified(client, place):
    step_id, _ = place.run()
    place.run()
    (listed,) = client("GET", f"/ws/w/results?step={place.name}")[1]["value"]
    assert (listed["run_id"], listed["n_hits"], listed["size_bytes"]) == (step_id, 1, 1000 * len(place.name))
    assert listed["age_seconds"] >= 0 and listed["last_hit"]
    shown = client("GET", f"/ws/w/results/{step_id}")[1]
    assert shown["parts"]["kind"] and [o["name"] for o in shown["outputs"]] == ["out"]
    assert client("POST", "/ws/w/results/verify", {"run_id": step_id})[1]["damaged"] == []
    text = Path(place.output(step_id)["local_path"]) / "data.txt"
    looks = text.stat()
    text.chmod(0o644)
    text.write_bytes(b"?" * looks.st_size)
    (damage,) = client("POST", "/ws/w/results/verify", {})[1]["damaged"]
    assert damage["what"] == "its bytes are others, as many as there were" and damage["run_id"] == step_id
    assert client("DELETE", f"/ws/w/results/{step_id}")[1]["run_id"] == step_id
    assert client("GET", f"/ws/w/results?step={place.name}")[1]["value"] == []
    status, answer = client("GET", f"/ws/w/results/{step_id}")
    assert status == 404 and "forgotten" in answer["error"]["message"]
    again, hit = place.run()
    assert hit is None
    (why,) = client("GET", f"/ws/w/runs/{again}/why")[1]["steps"]
    assert why["because"][0].startswith(f"run {step_id} did the same, but it was forgotten on ")


def test_what_is_damaged_is_named_with_the_way_out(client, place):
    step_id, _ = place.run()
    text = Path(place.output(step_id)["local_path"]) / "data.txt"
    text.chmod(0o644)
    text.write_bytes(b"?")
    said = cli(client, "cache", "verify", step_id)
    assert said.returncode == 1
    assert f"it has 1 file of 1 byte in place of 1 file of {1000 * len(place.name):,} bytes" in said.stdout
    assert "1 result, " in said.stdout and "0 as published, 1 damaged." in said.stdout
    assert f"give it up: penstock cache forget {step_id[:8]}\n" in said.stdout
    assert cli(client, "cache", "forget", step_id[:8]).returncode == 0
    assert cli(client, "cache", "verify").returncode == 0, "what was given up is not asked for again"


def test_several_results_are_forgotten_together_or_none_of_them(client, place):
    first, _ = place.run()
    second, _ = place.run([{**place.nodes()[0], "version": "2"}])
    refused = cli(client, "cache", "forget", first, place.root)
    assert refused.returncode == 3 and "only the run of a step is one" in refused.stderr
    assert cli(client, "cache", "show", first).returncode == 0, "none was forgotten"
    said = cli(client, "cache", "forget", first, second[:8], second)
    assert said.stdout.count(f"of step '{place.name}' is not reused any more.\n") == 2
    assert cli(client, "cache", "show", first).returncode == cli(client, "cache", "show", second).returncode == 3
    assert cli(client, "cache", "forget").returncode == 2


def test_a_pipelines_run_is_no_result_and_the_command_says_whose_is(client, place):
    step_id, _ = place.run()
    said = cli(client, "cache", "show", place.root)
    assert said.returncode == 3 and "only the run of a step is one" in said.stderr
    assert f"penstock run show {place.root[:8]} lists them" in said.stderr
    assert step_id[:8] in cli(client, "run", "show", place.root[:8]).stdout


def test_the_commands_say_what_they_did(client, place):
    step_id, _ = place.run()
    place.run()
    listed = cli(client, "cache", "list")
    assert listed.returncode == 0 and place.name[:20] in listed.stdout and "1x" in listed.stdout
    assert "fingerprint sha256:" in cli(client, "cache", "show", step_id).stdout
    assert "all are as published" in cli(client, "cache", "verify", step_id).stdout
    assert "is pinned" in cli(client, "run", "pin", place.root).stdout
    kept = cli(client, "gc")
    assert "Would clear away 0 of 1 output, 0 B; 1 stay" in kept.stdout
    leads = f"  run {place.root} is pinned: out of {place.name} ({step_id[:8]})\n"
    assert f"1 stay because something leads there:\n{leads}" in kept.stdout
    assert cli(client, "run", "unpin", place.root).returncode == 0
    assert "Do it: add --delete.\n" in cli(client, "gc", "--older-than", "0s").stdout
    assert "Do it: add --delete and --older-than or --keep.\n" in cli(client, "gc").stdout
    assert cli(client, "gc", "--delete").returncode == 2
    assert cli(client, "gc", "--older-than", "soon").returncode == 2
    assert cli(client, "gc", "--delete", "--purge").returncode == 2
    done = cli(client, "gc", "--keep", "0", "--delete")
    assert "Cleared away 1 of 1 output" in done.stdout and "--restore --sweep" in done.stdout
    assert step_id[:8] in cli(client, "gc", "--list").stdout
    assert "Brought back 1 output," in cli(client, "gc", "--restore").stdout
    assert json.loads(cli(client, "gc", "--json").stdout)["outputs"][0]["run_id"] == step_id
    assert "is not reused any more" in cli(client, "cache", "forget", step_id).stdout
    missing = cli(client, "cache", "show", step_id)
    assert missing.returncode == 3 and "is no result that may be reused" in missing.stderr


def test_what_a_published_pipeline_needs_stays_though_all_else_goes(client, place):
    step_id, _ = place.run()
    output = place.output(step_id)
    script = client.snapshot(a__py=b"import os; print(sorted(os.listdir(os.environ['AZUREML_DATAREFERENCE_in'])))")
    reads = {"name": "in", "source": {"datastore": output["datastore"], "path": output["path"]}, "reference": "data"}
    graph = {"schema": 1, "nodes": [node(script, inputs=[{**reads, "mode": "mount"}], outputs=[])]}
    body = {"name": "kept", "graph": graph, "interpreter": {"executable": sys.executable}}
    made = client("POST", "/ws/w/pipelines", body)[1]["id"]
    other, _ = Place(client, "goes").run()
    assert [o["run_id"] for o in place.gc(delete=True)["outputs"]] == [other]
    client("POST", "/gc/purge", {})
    assert place.kept_because(step_id) == f"published pipeline 'kept' ({made}) reads it"
    root = client("POST", f"/ws/w/pipelines/{made}/runs", {"experiment": "e"})[1]["run"]["id"]
    client.follow(root)
    assert client.run(root)["status"] == "Completed"
    (step,) = client.children(root)
    log = client.raw("GET", f"/api/v1/ws/w/runs/{step['id']}/files/azureml-logs/70_stdout.txt")[1]
    assert log == b"['data.txt']\n"
