"""Taking up a run that did not complete: `penstock run resume` and the submit field resume_from."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from forked import serve
from integration.served import node, wait_until_served

RUNS = "/ws/w/runs"
# Writes its own run id, and what its input says; fails while the file `broken` is there and it is told to.
SCRIPT = b"""
import os, pathlib, sys
from azureml.core import Run
home = pathlib.Path(os.environ["PENSTOCK_HOME"])
out = pathlib.Path(os.environ["AZUREML_DATAREFERENCE_out"])
out.mkdir(parents=True, exist_ok=True)
said = [pathlib.Path(a, "said").read_text() for a in sys.argv[2:]]
if sys.argv[1] == "fragile" and (home / "broken").exists():
    sys.exit("broken")
(out / "said").write_text(",".join([*said, os.environ["AZUREML_RUN_ID"]]))
Run.get_context().log("n", len(said))
Run.get_context().parent.log("told", os.environ["AZUREML_RUN_ID"])
Run.get_context().tag("colour", "blue")
print("ran", os.environ["AZUREML_RUN_ID"])
pathlib.Path("outputs/note.txt").write_text("kept")
"""


@pytest.fixture(scope="module")
def client(module_home):
    process = serve(module_home, "--embedded")
    yield wait_until_served(module_home, process)
    process.terminate()
    process.wait(30)


def chain(client):
    """prepare -> train (fragile) -> report, and an aside."""
    snapshot = client.snapshot(a__py=SCRIPT)

    def reads(n, upstream, *words):
        source = {"node": f"{upstream:08x}", "output": "out"}
        arguments = [*({"literal": w} for w in words), {"input": "data"}]
        return node(snapshot, n, arguments=arguments, inputs=[{"name": "data", "source": source}], allow_reuse=False)

    first = node(snapshot, 1, arguments=[{"literal": "firm"}], allow_reuse=False)
    return [first, reads(2, 1, "fragile"), reads(3, 2, "firm"), reads(4, 1, "firm")]


def broken_run(client):
    """A run whose step 2 failed, ended; its steps by node."""
    (client.home / "broken").touch()
    status, answer = client.submit(chain(client), continue_on_step_failure=True)
    assert status == 201, answer
    client.follow(answer["run"]["id"])
    assert client.run(answer["run"]["id"])["status"] == "Failed"
    (client.home / "broken").unlink()
    return answer["run"]["id"], ids(answer)


def ids(answer):
    return {int(s["node"], 16): s["run_id"] for s in answer["steps"]}


def outputs(client, run_id):
    return client("GET", f"{RUNS}/{run_id}/outputs")[1]["value"]


def published(client, run_id):
    """The folder of its output."""
    (output,) = outputs(client, run_id)
    return Path(output["local_path"])


def said(client, run_id):
    return (published(client, run_id) / "said").read_text()


def test_what_completed_is_taken_over_and_the_rest_runs(client):
    old, before = broken_run(client)
    status, answer = client("POST", RUNS, {"resume_from": old})
    assert status == 201, answer
    new, after = answer["run"]["id"], ids(answer)
    assert [s["reusable"] for s in answer["steps"]] == [True, False, False, True]
    assert answer["notes"][-2] == f"2 of 4 steps are taken over from run {old}; 2 run."
    assert answer["notes"][-1].startswith(f"The code and arguments are those of run {old} as it was submitted. To run ")
    events = [x["event"] for x in client.follow(new) if "event" in x]
    assert client.run(new)["status"] == "Completed"
    assert client.run(new)["properties"]["azureml.resumedfrom"] == old
    for n in (1, 4):
        run = client.run(after[n])
        assert (run["status"], run["attempt"]) == ("Completed", 0)
        assert run["tags"] == {"colour": "blue"}
        properties = run["properties"]
        assert properties["azureml.isreused"] == "true"
        assert properties["azureml.reusedrunid"] == before[n] and properties["azureml.reusedpipeline"] == old
        assert [o["path"] for o in outputs(client, after[n])] == [o["path"] for o in outputs(client, before[n])]
        metrics = client("GET", f"{RUNS}/{after[n]}/metrics")[1]["value"]
        assert [(m["name"], m["run_id"]) for m in metrics] == [("n", after[n])]
        files = {f["name"] for f in client("GET", f"{RUNS}/{after[n]}/files")[1]["value"]}
        assert {"outputs/note.txt", "azureml-logs/70_stdout.txt"} <= files
        path = f"/api/v1{RUNS}/{after[n]}/files/azureml-logs/70_stdout.txt"
        assert client.raw("GET", path) == (200, f"ran {before[n]}\n".encode())
    assert said(client, after[3]) == f"{before[1]},{after[2]},{after[3]}"
    assert not any(e["name"] == "queued" and e["run_id"] in (after[1], after[4]) for e in events)
    assert client("POST", RUNS, {"resume_from": new})[0] == 409


def test_a_step_that_was_reused_is_taken_over_with_its_logs(client):
    steps = chain(client)
    steps[0]["allow_reuse"] = True
    (client.home / "broken").touch()
    answers = []
    for _ in range(2):
        answers.append(client.submit(steps, continue_on_step_failure=True)[1])
        client.follow(answers[-1]["run"]["id"])
    (client.home / "broken").unlink()
    first, reused = (ids(a)[1] for a in answers)
    assert client.run(reused)["properties"]["azureml.reusedrunid"] == first
    _, again = client("POST", RUNS, {"resume_from": answers[-1]["run"]["id"]})
    client.follow(again["run"]["id"])
    taken = ids(again)[1]
    assert client.run(taken)["properties"]["azureml.reusedrunid"] == reused
    for run_id in (reused, taken):
        path = f"/api/v1{RUNS}/{run_id}/files/azureml-logs/70_stdout.txt"
        assert client.raw("GET", path) == (200, f"ran {first}\n".encode())
        (log,) = [f for f in client("GET", f"{RUNS}/{run_id}/files")[1]["value"] if "stdout" in f["name"]]
        assert log["size_bytes"] == len(f"ran {first}\n")


def test_a_resumed_run_can_be_resumed(client):
    old, before = broken_run(client)
    (client.home / "broken").touch()
    _, again = client("POST", RUNS, {"resume_from": old})
    client.follow(again["run"]["id"])
    assert client.run(again["run"]["id"])["status"] == "Failed"
    (client.home / "broken").unlink()
    _, last = client("POST", RUNS, {"resume_from": again["run"]["id"]})
    client.follow(last["run"]["id"])
    assert client.run(last["run"]["id"])["status"] == "Completed"
    steps = ids(last)
    assert said(client, steps[3]) == f"{before[1]},{steps[2]},{steps[3]}"


def test_what_steps_logged_for_the_parent_is_told_to_each_new_one_whoever_ran_for_them(client):
    (client.home / "broken").touch()
    steps = chain(client)
    steps[0] = {**steps[0], "allow_reuse": True, "settings": {**steps[0]["settings"], "version": "told"}}
    answers = [client.submit(steps, continue_on_step_failure=True)[1]]
    client.follow(answers[0]["run"]["id"])
    answers.append(client.submit(steps, continue_on_step_failure=True)[1])  # its step 1 is reused, its step 4 runs
    client.follow(answers[1]["run"]["id"])
    for _ in range(3):  # a run of a reused step is resumed, and that again, and that
        answers.append(client("POST", RUNS, {"resume_from": answers[-1]["run"]["id"]})[1])
        client.follow(answers[-1]["run"]["id"])
    (client.home / "broken").unlink()
    first, aside = ids(answers[0])[1], ids(answers[1])[4]
    assert client.run(ids(answers[1])[1])["properties"]["azureml.reusedrunid"] == first
    for answer in answers[1:]:
        assert told(client, answer) == {first, aside}
    answers.append(client("POST", RUNS, {"resume_from": answers[-1]["run"]["id"]})[1])
    client.follow(answers[-1]["run"]["id"])
    last = ids(answers[-1])
    assert told(client, answers[-1]) == {first, aside, last[2], last[3]}


def told(client, answer):
    """What the steps of a run logged for it, each of them once."""
    metrics = client("GET", f"{RUNS}/{answer['run']['id']}/metrics")[1]["value"]
    values = [m["value"] for m in metrics if m["name"] == "told"]
    assert len(values) == len(set(values))
    return set(values)


def test_why_says_of_a_step_that_was_taken_over_that_it_did_not_run(client):
    old, before = broken_run(client)
    _, answer = client("POST", RUNS, {"resume_from": old})
    client.follow(answer["run"]["id"])
    after = ids(answer)
    steps = {s["run_id"]: s for s in client("GET", f"{RUNS}/{answer['run']['id']}/why")[1]["steps"]}
    assert [steps[after[n]]["verdict"] for n in (1, 2, 3, 4)] == ["reused", "ran", "ran", "reused"]
    assert [steps[after[n]]["reused_run_id"] for n in (1, 2, 3, 4)] == [before[1], None, None, before[4]]
    assert steps[after[1]]["outputs"][0]["digest"].startswith("sha256:")
    assert [steps[after[2]]["because"], steps[after[2]]["compared_with"]] == [["allow_reuse is False"], None]
    (own,) = client("GET", f"{RUNS}/{after[1]}/why")[1]["steps"]
    assert own == steps[after[1]]
    argv = [sys.executable, "-m", "penstock", "why", "--home", str(client.home), answer["run"]["id"]]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert f"= step 1 was reused: taken over from run {before[1][:8]}, which had completed," in done.stdout, done
    page = client.raw("GET", f"/runs/{after[1]}")[1].decode()
    assert "Why it was reused" in page and f"Reused from run {before[1][:8]}" in page


def test_a_step_whose_outputs_are_gone_runs_again_and_says_why(client):
    old, before = broken_run(client)
    (output,) = outputs(client, before[1])
    for path in client.home.glob(f"**/{output['path']}"):
        path.chmod(0o755)
        shutil.rmtree(path)
    _, answer = client("POST", RUNS, {"resume_from": old})
    notes = "\n".join(answer["notes"])
    assert "Step 'step 1' runs again: its output 'out' is not there any more." in notes
    assert "Step 'step 4' runs again: step 'step 1' before it is not taken over." in notes
    client.follow(answer["run"]["id"])
    assert client.run(answer["run"]["id"])["status"] == "Completed"
    steps = ids(answer)
    assert said(client, steps[4]) == f"{steps[1]},{steps[4]}"
    assert any("is not there any more" in e["body"].get("message", "") for e in client.events(steps[1]))


def test_a_step_whose_output_was_edited_to_the_same_size_runs_again_and_so_does_what_reads_it(client):
    old, before = broken_run(client)
    place = published(client, before[4]) / "said"
    place.chmod(0o644)
    place.write_text(place.read_text().swapcase())
    _, answer = client("POST", RUNS, {"resume_from": old})
    assert "Step 'step 4' runs again: its output 'out' was changed." in answer["notes"]
    assert [s["reusable"] for s in answer["steps"]] == [True, False, False, False]
    client.follow(answer["run"]["id"])
    place = published(client, before[1]) / "said"
    place.chmod(0o644)
    place.write_text(place.read_text().swapcase())
    _, answer = client("POST", RUNS, {"resume_from": old})
    notes, steps = "\n".join(answer["notes"]), ids(answer)
    assert "Step 'step 1' runs again: its output 'out' was changed." in notes
    assert "Step 'step 4' runs again: step 'step 1' before it is not taken over." in notes
    client.follow(answer["run"]["id"])
    assert client.run(answer["run"]["id"])["status"] == "Completed"
    assert said(client, steps[3]) == f"{steps[1]},{steps[2]},{steps[3]}"
    assert said(client, steps[4]) == f"{steps[1]},{steps[4]}"


def test_a_step_whose_copy_of_an_output_is_not_as_it_left_it_runs_again(client):
    (client.home / "broken").touch()
    steps = chain(client)
    steps[3]["outputs"][0] |= {"destination": "kept/resumed"}
    old = client.submit(steps, continue_on_step_failure=True)[1]
    client.follow(old["run"]["id"])
    (client.home / "broken").unlink()
    copy = client.home / "workspaces/w/workspaceblobstore/kept/resumed/said"
    assert copy.read_text().endswith(ids(old)[4])
    copy.chmod(0o644)
    copy.write_text("other")
    _, answer = client("POST", RUNS, {"resume_from": old["run"]["id"]})
    assert "Step 'step 4' runs again: the copy of its output 'out' at kept/resumed was changed." in answer["notes"]
    client.follow(answer["run"]["id"])
    assert copy.read_text().endswith(ids(answer)[4])


def test_a_step_that_may_still_be_reused_is_not_said_to_run_again(client):
    (client.home / "broken").touch()
    steps = chain(client)
    steps[3] = {**steps[3], "allow_reuse": True, "settings": {**steps[3]["settings"], "version": "anew"}}
    old = client.submit(steps, continue_on_step_failure=True)[1]
    client.follow(old["run"]["id"])
    (client.home / "broken").unlink()
    place = published(client, ids(old)[4]) / "said"
    place.chmod(0o644)
    place.write_text(place.read_text().swapcase())
    for more, becomes, count in (
        ({}, "is decided anew", "3 run, or are reused from other runs."),
        ({"regenerate_outputs": True}, "runs again", "3 run."),
    ):
        _, answer = client("POST", RUNS, {"resume_from": old["run"]["id"], **more})
        assert f"Step 'step 4' {becomes}: its output 'out' was changed." in answer["notes"]
        assert any(n.endswith(f"; {count}") for n in answer["notes"])
        client.follow(answer["run"]["id"])
        (note,) = [e["body"]["message"] for e in client.events(ids(answer)[4]) if "had completed" in str(e["body"])]
        assert note.endswith("but is not taken over: its output 'out' was changed.")


def test_a_step_whose_output_cannot_be_read_or_leads_elsewhere_runs_again_and_says_why(client):
    old, before = broken_run(client)
    place = published(client, before[1])
    place.chmod(0o755)
    shutil.rmtree(place)
    place.symlink_to("/etc")
    _, answer = client("POST", RUNS, {"resume_from": old})
    (note,) = [n for n in answer["notes"] if "'step 1' runs again: its output 'out': " in n]
    assert "leads out of its folder" in note and not note.endswith("..")
    client("POST", f"{RUNS}/{answer['run']['id']}/cancel", {})
    client.follow(answer["run"]["id"])


def test_what_cannot_be_resumed_is_refused_with_the_way_out(client):
    old, before = broken_run(client)
    for body, status, words in (
        ({"resume_from": "nobody"}, 404, "There is no run 'nobody'"),
        ({"resume_from": before[1]}, 400, "is a step run"),
        ({"resume_from": old, "graph": {"schema": 1}}, 400, "Leave graph out"),
    ):
        got, answer = client("POST", RUNS, body)
        assert got == status and words in answer["error"]["message"], answer


def test_the_command_line_resumes(client):
    old, before = broken_run(client)
    argv = [sys.executable, "-m", "penstock", "run", "resume", "--home", str(client.home)]
    done = subprocess.run([*argv, old[:13]], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "2 of 4 steps are taken over" in done.stdout and "penstock run logs -f" in done.stdout
    done = subprocess.run([*argv, "--json", before[2]], capture_output=True, text=True, timeout=60)
    client.follow(json.loads(done.stdout)["run"]["id"])
    assert client.run(json.loads(done.stdout)["run"]["id"])["status"] == "Completed"
