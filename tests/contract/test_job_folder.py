"""Contract 2, docs/job.md: every file of a job folder, as a real node and its stubs write them for hand-made jobs."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_driver import Server, running_server

from penstock.node.identity import boot_id, is_alive


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as one:
        yield one


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_a_script_that_ends_well_leaves_every_file_as_promised(server: Server) -> None:
    output = server.output("model")
    code = """
import os, sys
print("out", sys.argv[1:], os.environ["AZUREML_RUN_ID"])
print("err", file=sys.stderr)
os.makedirs(sys.argv[1], exist_ok=True)
open(os.path.join(sys.argv[1], "b.txt"), "w").write("bee")
os.mkdir(os.path.join(sys.argv[1], "a"))
open(os.path.join(sys.argv[1], "a", "c.txt"), "w").write("sea")
open("outputs/kept.txt", "w").write("kept")
open("logs/own.log", "w").write("log")
"""
    folder, end = server.run(code, output["stage"], outputs=[output])

    assert (end["schema"], end["name"], end["ending"], end["exit_code"]) == (1, "run.1", "exited", 0)
    assert (end["signal"], end["error"], end["user_code_started"], end["stderr_tail"]) == (None, None, True, "")
    assert end["started_at"] <= end["script_started_at"] <= end["ended_at"]
    assert (end["left_behind"], end["inputs_changed"], end["warnings"]) == ([], [], [])
    assert end["usage"]["user_seconds"] >= 0
    assert end["usage"]["max_rss_bytes"] > 1_000_000
    assert (folder / "stdout").read_text() == f"out [{output['stage']!r}] run.1\n"
    assert (folder / "stderr").read_text() == "err\n"
    assert end["files"] == [{"name": "logs/own.log", "size_bytes": 3}, {"name": "outputs/kept.txt", "size_bytes": 4}]
    assert (folder / "files/outputs/kept.txt").read_text() == "kept"

    files = [
        {"path": "a/c.txt", "size": 3, "digest": sha256(b"sea")},
        {"path": "b.txt", "size": 3, "digest": sha256(b"bee")},
    ]
    lines = b"".join(f"{f['path']}\0{f['size']}\0{f['digest']}\n".encode() for f in files)
    row = {"kind": "directory", "digest": sha256(lines), "n_files": 2, "size_bytes": 6}
    assert end["outputs"] == [row | {"name": "model"}]
    assert json.loads((folder / "outputs/model.json").read_text()) == row | {"files": files}
    stage = Path(output["stage"])
    assert stat.S_IMODE((stage / "a").stat().st_mode) == 0o755
    assert stat.S_IMODE((stage / "a/c.txt").stat().st_mode) == 0o444
    assert not (folder / ".exit.json").exists()
    assert server.log() == ""


def test_started_and_running_name_their_processes_before_user_code_runs(server: Server) -> None:
    code = """
import json, os
print(json.dumps([json.load(open("../started")), json.load(open("../running")), os.getpid(), os.getppid()]))
print(os.getpgid(0) == os.getpid(), os.getsid(0) == os.getppid(), os.path.exists("../exit.json"))
"""
    folder, _ = server.run(code)
    first, second = (folder / "stdout").read_text().splitlines()
    started, running, pid, parent = json.loads(first)
    assert second == "True True False"
    assert set(started) == {"pid", "start_time", "boot_id", "at"}
    assert set(running) == {"pid", "start_time", "at"}
    assert (running["pid"], started["pid"], started["boot_id"]) == (pid, parent, boot_id())
    assert is_alive(started["pid"], started["start_time"], started["boot_id"])  # it may run other jobs
    assert not is_alive(running["pid"], running["start_time"], started["boot_id"])
    assert not is_alive(started["pid"], started["start_time"] + 1, started["boot_id"])
    assert not is_alive(started["pid"], started["start_time"], "another boot")


def test_messages_tell_that_a_job_runs_and_that_it_ended(server: Server) -> None:
    server.run("pass", name="tell.3")
    assert server.heard == ["running tell.3", "exit tell.3"]


def test_the_snapshot_is_the_working_folder_with_its_modes(server: Server) -> None:
    files: dict[str, str | bytes] = {
        "main.py": "import lib.deep; print(lib.deep.X)",
        "lib/deep.py": "X = 7",
        "run.sh": "#!/bin/sh",
    }
    snapshot = server.snapshot(files, {"run.sh": 0o755})
    folder, end = server.run(None, snapshot=snapshot, argv=[sys.executable, "main.py"])
    assert (folder / "stdout").read_text() == "7\n"
    assert end["ending"] == "exited"
    assert stat.S_IMODE((folder / "work/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "work/main.py").stat().st_mode) == 0o644


def test_a_job_needs_no_snapshot_and_no_python(server: Server) -> None:
    folder, end = server.run(None, argv=["sh", "-c", 'pwd; cat; echo "$GREETING"'], script=None, env={"GREETING": "hi"})
    assert end["ending"] == "exited"
    assert (folder / "stdout").read_text() == f"{folder}/work\nhi\n"


def test_the_environment_is_the_nodes_and_the_jobs(server: Server) -> None:
    code = "import os; print(os.environ['PATH'] != '', os.environ['AZUREML_RUN_ID'], os.environ['PENSTOCK_SDK_PATH'])"
    folder, _ = server.run(code, sdk_path="/somewhere")
    assert (folder / "stdout").read_text() == "True run.1 /somewhere\n"


def test_a_download_is_copied_to_its_place_and_may_be_changed(server: Server, tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "sub").mkdir(parents=True)
    (source / "sub/a.csv").write_text("1,2")
    (source / "sub/a.csv").chmod(0o444)
    local = tmp_path / "local" / "data"
    given = {"name": "prepped", "mode": "download", "source": str(source), "local": str(local)}
    code = (
        "import sys; open(sys.argv[1] + '/sub/a.csv', 'a').write(',3'); print(open(sys.argv[1] + '/sub/a.csv').read())"
    )
    folder, end = server.run(code, str(local), inputs=[given])
    assert (folder / "stdout").read_text() == "1,2,3\n"
    assert (source / "sub/a.csv").read_text() == "1,2"
    assert end["inputs_changed"] == []


def test_inputs_that_a_script_changes_in_place_are_named(server: Server, tmp_path: Path) -> None:
    source = tmp_path / "data"
    source.mkdir()
    for name in ("same.csv", "changed.csv", "gone.csv"):
        (source / name).write_text("1")
    given = {"name": "prepped", "mode": "mount", "source": str(source), "local": str(source)}
    code = """
import os, sys
os.chdir(sys.argv[1])
open("changed.csv", "a").write("2")
os.unlink("gone.csv")
open("new.csv", "w").close()
"""
    _, end = server.run(code, str(source), inputs=[given])
    assert end["inputs_changed"] == ["prepped: changed.csv", "prepped: gone.csv", "prepped: new.csv"]
    one = {"name": "one", "mode": "mount", "source": str(source / "same.csv"), "local": str(source / "same.csv")}
    _, end = server.run("import sys; open(sys.argv[1], 'w').write('22')", one["source"], inputs=[one], name="run.2")
    assert end["inputs_changed"] == ["one: same.csv"]


SEEN = ["nothing", "file", "disguised", "new", "gone", "below"]
TOUCHED = [(mode, what) for mode in ("mount", "download", "tree") for what in SEEN]


@pytest.mark.parametrize(
    ("mode", "what"), [*TOUCHED, ("mount", "swapped"), ("download", "swapped"), ("mount", "removed")]
)
def test_inputs_that_something_else_touched_before_are_named(
    server: Server, tmp_path: Path, mode: str, what: str
) -> None:
    source, local = tmp_path / "data", tmp_path / "local/data"
    for folder in (source, tmp_path / "other"):
        (folder / "sub").mkdir(parents=True)
        for name in ("a.csv", "b.csv", "sub/c.csv"):
            (folder / name).write_text("1")
    time.sleep(0.05)
    since = time.time()
    time.sleep(0.05)
    before = os.stat(source / "a.csv")
    if what in ("file", "disguised"):
        (source / "a.csv").write_text("2")
    if what == "disguised":
        os.utime(source / "a.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    if what == "new":
        (source / "new.csv").write_text("1")
    if what == "gone":
        (source / "b.csv").unlink()
    if what == "below":
        (source / "sub/c.csv").write_text("2")
    if what in ("swapped", "removed"):
        source.rename(tmp_path / "aside")
    if what == "swapped":
        (tmp_path / "other").rename(source)
    given = {"name": "prepped", "mode": mode, "source": str(source), "local": str(source), "since": since}
    if mode == "download":
        given["local"] = str(local)
    if mode == "tree":
        tree = [{"source": str(source / n), "target": str(local / n)} for n in ("a.csv", "sub/c.csv")]
        given |= {"mode": "mount", "source": str(local), "local": str(local), "tree": tree}
    _, end = server.run("pass", inputs=[given])
    is_seen = what != "nothing" and (mode != "tree" or what not in ("new", "gone"))  # it lies in no folder
    assert end["inputs_touched"] == (["prepped"] if is_seen else [])
    assert end["inputs_changed"] == []


def test_a_file_output_is_a_file_and_its_folder_is_not_made(server: Server) -> None:
    output = server.output("model", is_directory=False)
    code = "import os, sys; assert not os.path.exists(sys.argv[1]); open(sys.argv[1], 'w').write('m')"
    folder, end = server.run(code, output["stage"], outputs=[output])
    row = {"kind": "file", "digest": sha256(b"m"), "n_files": 1, "size_bytes": 1}
    assert end["outputs"] == [row | {"name": "model"}]
    manifest = json.loads((folder / "outputs/model.json").read_text())
    assert manifest == row | {"files": [{"path": "model", "size": 1, "digest": sha256(b"m")}]}
    assert stat.S_IMODE(os.stat(output["stage"]).st_mode) == 0o444


@pytest.mark.parametrize("is_directory", [None, True, False])
def test_an_output_that_nothing_was_written_to_is_missing(server: Server, is_directory: bool | None) -> None:
    output = server.output("model", is_directory)
    folder, end = server.run("pass", outputs=[output])
    assert (end["ending"], end["exit_code"], end["error"]) == ("exited", 0, None)
    row = {"kind": "missing", "digest": None, "n_files": 0, "size_bytes": 0}
    assert end["outputs"] == [row | {"name": "model"}]
    assert json.loads((folder / "outputs/model.json").read_text()) == row | {"files": []}


def test_an_upload_is_copied_to_its_stage_at_the_end(server: Server) -> None:
    output = server.output("report", upload_from="made_here")
    code = "import os; assert os.listdir('made_here') == []; open('made_here/r.txt', 'w').write('r')"
    _, end = server.run(code, outputs=[output])
    assert end["outputs"][0]["kind"] == "directory"
    assert (Path(output["stage"]) / "r.txt").read_text() == "r"


def test_the_digest_of_an_output_depends_on_paths_and_bytes_alone(server: Server) -> None:
    code = "import os, sys; [open(os.path.join(sys.argv[1], n), 'w').write('x') for n in sys.argv[2:]]"
    digests = []
    for number, names in enumerate([("a", "b"), ("b", "a"), ("a", "c")]):
        output = server.output("o") | {"stage": str(server.datastore / str(number) / "o")}
        _, end = server.run(code, output["stage"], *names, outputs=[output], name=f"run.{number}")
        digests.append(end["outputs"][0]["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_large_outputs_have_the_same_digests_as_small_ones(server: Server) -> None:
    output = server.output("big")
    code = "import sys; [open(f'{sys.argv[1]}/{n}', 'wb').write(bytes([n]) * (18 << 20)) for n in range(2)]"
    folder, _ = server.run(code, output["stage"], outputs=[output])
    manifest = json.loads((folder / "outputs/big.json").read_text())
    assert [file["digest"] for file in manifest["files"]] == [sha256(bytes([n]) * (18 << 20)) for n in range(2)]


def test_an_output_stands_for_itself(server: Server, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("outside")
    output = server.output("o")
    code = """
import os, sys
os.chdir(sys.argv[1])
os.symlink(sys.argv[2], "link.txt")
os.link(sys.argv[2], "hard.txt")
os.symlink("nowhere", "broken")
os.symlink(".", "loop")
os.mkfifo("pipe")
"""
    folder, end = server.run(code, output["stage"], str(tmp_path / "outside.txt"), outputs=[output])
    manifest = json.loads((folder / "outputs/o.json").read_text())
    assert [file["path"] for file in manifest["files"]] == ["hard.txt", "link.txt"]
    assert not (Path(output["stage"]) / "link.txt").is_symlink()
    assert stat.S_IMODE((tmp_path / "outside.txt").stat().st_mode) != 0o444
    assert len(end["warnings"]) == 3
    assert all(warning.startswith("Output 'o': ") for warning in end["warnings"])


def test_what_was_uploaded_under_a_captured_name_stays(server: Server) -> None:
    code = """
import os
os.makedirs("../files/outputs")
open("../files/outputs/a.txt", "w").write("uploaded")
open("outputs/a.txt", "w").write("captured")
open("outputs/b.txt", "w").write("b")
"""
    folder, end = server.run(code)
    assert (folder / "files/outputs/a.txt").read_text() == "uploaded"
    assert [file["name"] for file in end["files"]] == ["outputs/a.txt", "outputs/b.txt"]


def test_a_failing_script_is_described_by_its_own_last_line(server: Server) -> None:
    folder, end = server.run("def f():\n    raise ValueError('no such column: age')\nf()")
    assert (end["ending"], end["exit_code"], end["outputs"]) == ("exited", 1, [])
    assert end["error"]["what"] == "'main.py' ended with exit status 1: ValueError: no such column: age"
    assert end["stderr_tail"] == (folder / "stderr").read_text()
    assert end["stderr_tail"].startswith("Traceback (most recent call last):\n  File ")


def test_an_error_of_the_sdk_is_told_by_its_message_not_by_the_end_of_its_json(server: Server) -> None:
    code = "from azureml.exceptions import UserErrorException\nraise UserErrorException('No such model.\\nAt all.')"
    _, end = server.run(code)
    assert end["error"]["what"] == "'main.py' ended with exit status 1: UserErrorException: No such model."


def test_the_first_to_fence_runs_and_the_second_leaves_silently(server: Server) -> None:
    folder, end = server.run("print('once')")
    server.start(folder)
    server.run("pass", name="after.1")
    assert (folder / "stdout").read_text() == "once\n"
    assert server.end(folder) == end
    assert server.log() == ""


def test_a_canceller_that_fences_first_keeps_the_job_from_starting(server: Server) -> None:
    folder = server.make_job("print('never')")
    (folder / "started").write_text('{"canceled": true}')
    server.start(folder)
    server.run("pass", name="after.1")
    assert sorted(path.name for path in folder.iterdir()) == ["job.json", "started"]


def test_a_cancel_before_the_start_keeps_user_code_from_running(server: Server) -> None:
    folder = server.make_job("print('never')")
    (folder / "cancel").touch()
    server.start(folder)
    end = server.finish(folder)
    assert (end["ending"], end["user_code_started"], end["exit_code"]) == ("canceled", False, None)
    assert not (folder / "running").exists()


def test_names_that_are_no_text_are_kept_as_they_are(server: Server) -> None:
    output = server.output("o")
    code = "import os, sys; open(os.fsencode(sys.argv[1]) + b'/\\xff\\xc3\\xa9', 'w').write('x')"
    folder, end = server.run(code, output["stage"], outputs=[output])
    assert (end["outputs"][0]["kind"], end["outputs"][0]["n_files"]) == ("directory", 1)
    manifest = json.loads((folder / "outputs/o.json").read_text())
    assert os.fsencode(manifest["files"][0]["path"]) == b"\xff\xc3\xa9"


def test_inputs_with_more_files_than_are_surveyed_do_not_hold_up_the_step(server: Server, tmp_path: Path) -> None:
    many, few = tmp_path / "many", tmp_path / "few"
    many.mkdir()
    few.mkdir()
    for n in range(10_001):
        (many / str(n)).touch()
    (few / "a").touch()
    inputs = [{"name": p.name, "mode": "mount", "source": str(p), "local": str(p)} for p in (many, few)]
    code = "import sys; [open(path, 'w').write('changed') for path in sys.argv[1:]]"
    _, end = server.run(code, str(many / "0"), str(few / "a"), inputs=inputs)
    assert end["inputs_changed"] == ["few: a"]


def test_a_folder_of_inputs_that_holds_the_stage_is_not_changed_by_writing_there(server: Server) -> None:
    output = server.output("o")
    (server.datastore / "data.csv").write_text("1")
    given = {"name": "root", "mode": "mount", "source": str(server.datastore), "local": str(server.datastore)}
    code = "import sys; open(sys.argv[1] + '/x', 'w').write('x')"
    _, end = server.run(code, output["stage"], inputs=[given], outputs=[output])
    assert end["inputs_changed"] == []
