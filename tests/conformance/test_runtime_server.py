"""Finding and starting the server: one path, whoever asks, and one clear error where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from azureml._client import start
from azureml._client.client import Client
from azureml._client.errors import HomeError, ServerNotFoundError
from azureml._client.home import filesystem_of, server_record
from azureml.core import Workspace
from azureml.exceptions import AzureMLException, UserErrorException, WorkspaceException


def ask(home: Path, code: str, **env: str) -> subprocess.Popen[str]:
    """Another process that uses the SDK in this home."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_at_once_start_one_server(home: Path) -> None:
    code = (
        "from azureml._client.client import Client; from azureml._client.home import home_path, server_record;"
        "Client().call('GET', '/workspaces'); print(server_record(home_path())['pid'])"
    )
    asked = [ask(home, code) for _ in range(3)]
    said = [p.communicate(timeout=60) for p in asked]
    assert [p.returncode for p in asked] == [0, 0, 0], said
    assert len({out.split()[-1] for out, _ in said}) == 1
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_server_that_has_left_is_started_again(home: Path) -> None:
    client = Client()
    first = client.call("GET", "/server")
    pid = server_record(str(home))["pid"]
    client.call("POST", "/shutdown", {"force": True})
    os.waitpid(pid, 0)
    second = client.call("GET", "/server")
    assert server_record(str(home))["pid"] != pid
    assert second["url"] == first["url"]


def test_the_servers_environment_is_scrubbed() -> None:
    environ = {
        "PATH": "/bin", "LC_ALL": "C", "SSL_CERT_FILE": "x", "PENSTOCK_SLOTS": "2", "PYTHONPATH": "/p", "AZUREML_RUN_ID": "r",
        "VIRTUAL_ENV": "/v", "PENSTOCK_URL": "u", "PENSTOCK_JOB": "j", "MY_SECRET": "s",
    }  # fmt: skip
    kept = start.scrubbed(environ, "/home/x")
    assert kept == {
        "PATH": "/bin",
        "LC_ALL": "C",
        "SSL_CERT_FILE": "x",
        "PENSTOCK_SLOTS": "2",
        "PENSTOCK_HOME": "/home/x",
    }


def test_an_unwritable_home_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.delenv("PENSTOCK_URL", raising=False)
    with pytest.raises(HomeError, match=r"cannot be written: Not a directory. Set PENSTOCK_HOME") as caught:
        Workspace("s", "g", "w")
    assert isinstance(caught.value, AzureMLException)


def test_a_network_home_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"rootfs / rootfs rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\ntmpfs {tmp_path}/local\\040disk tmpfs rw 0 0\n"
    )
    assert filesystem_of(str(tmp_path / "home"), str(mounts)) == "nfs4"
    assert filesystem_of(str(tmp_path / "local disk" / "home"), str(mounts)) == "tmpfs"
    assert filesystem_of("/elsewhere", str(mounts)) == "rootfs"
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PENSTOCK_URL", raising=False)
    monkeypatch.setattr("azureml._client.home.filesystem_of", lambda path: "nfs4")
    with pytest.raises(
        HomeError, match=r"is on a network filesystem \(nfs4\).*Set PENSTOCK_HOME to a folder on a local"
    ):
        Workspace("s", "g", "w")


def test_no_penstock_anywhere_is_an_error_with_the_install_line(home: Path, python_of, tmp_path: Path) -> None:
    sdk = Path(__file__).parents[2] / "sdk" / "src"
    code = "from azureml.core import Workspace\ntry: Workspace('s', 'g', 'w')\nexcept Exception as e: print(type(e).__name__, e.message)"
    env = {"PENSTOCK_HOME": str(home), "PYTHONPATH": str(sdk), "PATH": str(tmp_path)}
    said = subprocess.run([python_of("3.8"), "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert said.startswith("ServerNotFoundError")
    assert "pip install penstock" in said


def test_a_server_that_cannot_start_says_its_last_line(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho first >&2\necho 'Port 25292 is taken by process 17.' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PENSTOCK_PYTHON", str(broken))
    with pytest.raises(
        ServerNotFoundError, match=r"ended with status 3: Port 25292 is taken by process 17\. Its log is"
    ):
        Workspace("s", "g", "w")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("unix:///nowhere/at.sock", r"No Penstock server answers at unix:///nowhere/at.sock \(PENSTOCK_URL\)"),
        ("http://127.0.0.1:1", r"No Penstock server answers at http://127.0.0.1:1"),
        ("ftp://x", "PENSTOCK_URL is 'ftp://x', which is no server's address"),
    ],
)
def test_a_named_server_that_is_not_there(home: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("PENSTOCK_URL", url)
    with pytest.raises(ServerNotFoundError, match=said):
        Workspace("s", "g", "w")
    assert not (home / "server.json").exists()


def test_a_named_server_is_spoken_to_over_tcp_with_the_homes_token(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENSTOCK_URL", workspace._client.url)
    capsys.readouterr()
    assert Workspace("s", "g", "another").get_details()["name"] == "another"
    assert capsys.readouterr().err == "Workspace 'another' was not known here: it was made.\n"
    assert Workspace.get("another", subscription_id="s", resource_group="g").resource_group == "g"
    assert Workspace.get("another").subscription_id == "s" and capsys.readouterr().err == ""
    with pytest.raises(
        WorkspaceException, match=r"no workspace 'mistyped' on this server. There are: .*another.* Create it with"
    ):
        Workspace.get("mistyped")


def test_a_refusal_is_the_servers_own_sentence(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException, match="There is no run 'nope'") as caught:
        workspace.get_run("nope")
    assert caught.value.code == "NotFound"
    assert caught.value.status_code == 404


def test_a_fork_makes_a_connection_of_its_own(workspace: Workspace) -> None:
    workspace.get_details()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if workspace.get_details()["name"] == "ws" else 1)
    for _ in range(20):
        assert workspace.get_details()["name"] == "ws"
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_the_runtime_on_other_pythons(workspace: Workspace, python_of, version: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2020-01-01\n")
    code = f"""
import os, tempfile
from azureml.core import Dataset, Experiment, Model, Run, Workspace
from azureml._client.snapshot import upload
ws = Workspace('s', 'g', 'ws')
store = ws.get_default_datastore()
store.upload_files([{str(tmp_path / "a.csv")!r}], target_path='other', overwrite=True, show_progress=False)
made = Dataset.Tabular.from_delimited_files((store, 'other/a.csv')).register(ws, 'other')
assert [c['type'] for c in made._definition['columns']] == ['int', 'datetime']
with Experiment(ws, 'other').start_logging() as run:
    run.log('x', 1.5)
    run.upload_file('outputs/a.csv', {str(tmp_path / "a.csv")!r})
assert run.get_metrics() == {{'x': 1.5}}, run.get_metrics()
assert run.wait_for_completion(show_output=True)['status'] == 'Completed'
model = run.register_model('other', 'outputs/a.csv')
assert os.path.exists(model.download(tempfile.mkdtemp(dir={str(tmp_path)!r})))
assert upload(ws, {str(tmp_path)!r}).startswith('sha256:')
Run.get_context().log('offline', 1)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "sdk" / "src")}
    done = subprocess.run([python_of(version), "-W", "error", "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Attempted to log scalar metric offline:\n1\n")
    assert not done.stderr


def test_a_proxy_does_not_come_between_a_step_and_its_server(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azureml.core import Experiment
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.steps import PythonScriptStep

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "intranet.example")
    (tmp_path / "a.py").write_text(
        "import os, urllib.request\n"
        "assert os.environ['http_proxy'] and os.environ['NO_PROXY'] == '127.0.0.1,localhost'\n"
        "assert os.environ['no_proxy'] == 'intranet.example,127.0.0.1,localhost'\n"
        "assert urllib.request.urlopen(os.environ['AZUREML_SERVICE_ENDPOINT'] + '/healthz').status == 200\n"
    )
    workspace = Workspace("s", "g", "w")
    step = PythonScriptStep("a.py", compute_target="local", source_directory=str(tmp_path), allow_reuse=False)
    run = Experiment(workspace, "e").submit(Pipeline(workspace, [step]))
    assert run.wait_for_completion(show_output=False) == "Finished", run.get_steps()[0].get_details_with_logs()
