"""What tests of a running Penstock share: a home of their own, a workspace in it, and the Pythons that the SDK must run on.

Knows the home's files and the one call that stops a server; must not know anything else of either side.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest
from databases import (  # noqa: F401 - fixtures
    new_postgresql_store,
    new_postgresql_url,
    new_sqlite_path,
    own_postgresql,
    postgresql_server,
    postgresql_store,
    postgresql_url,
    sqlite_path,
)

ROOT = Path(__file__).resolve().parent.parent
# Runs notebooks that others have published and we may not keep: a test for whoever says where copies of them are.
collect_ignore = [] if os.environ.get("PUBLIC_NOTEBOOKS") else ["conformance/test_public_notebooks.py"]
IN_CI = bool(os.environ.get("CI"))
STOP_SECONDS = 10

hypothesis.settings.register_profile(
    "untimed", deadline=None
)  # how long an example takes depends on what else the machine does
hypothesis.settings.load_profile("untimed")

# A machine may be told to keep no compiled modules, as many an image is: then each of the thousands of processes of these tests would
# compile all of Penstock again, two thirds of the time of most of them.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the checkout."""
    return ROOT


def _clean_environment(patch: pytest.MonkeyPatch, home: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("PENSTOCK_", "AZUREML_")):
            patch.delenv(name)
    patch.setenv("PENSTOCK_HOME", str(home))


@contextlib.contextmanager
def fresh_home() -> Iterator[Path]:
    """A home of its own with a short path (sockets live in it), removed with all that was started from it."""
    home = Path(tempfile.mkdtemp(prefix="ps-", dir=os.environ.get("TMPDIR", "/tmp")))
    try:
        with pytest.MonkeyPatch.context() as patch:
            _clean_environment(patch, home)
            yield home
    finally:
        stop_all(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _never_the_users_own_home() -> Iterator[None]:
    """What asks for no home of its own gets one for the session, so that no test ever touches that of whoever runs it."""
    with fresh_home():
        yield


@pytest.fixture
def home() -> Iterator[Path]:
    """A home for this test alone; PENSTOCK_HOME names it."""
    with fresh_home() as path:
        yield path


@pytest.fixture(scope="module")
def module_home() -> Iterator[Path]:
    """A home shared by the tests of one file, which then need names of their own; saves a server's start per test."""
    with fresh_home() as path:
        yield path


def _workspace(name: str) -> object:
    from azureml.core import Workspace

    return Workspace.create(
        name, subscription_id=str(uuid.UUID(int=0)), resource_group="tests", location="local", exist_ok=True
    )


@pytest.fixture
def workspace(home: Path) -> object:
    """An azureml Workspace in this test's own home."""
    return _workspace("ws")


@pytest.fixture(scope="module")
def module_workspace(module_home: Path) -> object:
    """An azureml Workspace in the home that the tests of one file share."""
    from forked import serve_embedded

    serve_embedded(module_home)
    return _workspace("ws")


# Stopping -------------------------------------------------------------------------------------------------------------


def stop_all(home: Path) -> None:
    """Ends the server of `home`, its node, the steps under it, and a server that one of those steps starts to report to."""
    server = _read(home / "server.json")
    if server.get("socket"):
        _ask_to_stop(str(server["socket"]))
    if server.get("pid") and psutil.pid_exists(pid := int(str(server["pid"]))):
        _has_gone(psutil.Process(pid), STOP_SECONDS)
    until = time.monotonic() + STOP_SECONDS
    while left := _processes_of(home):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill() if time.monotonic() > until else process.terminate()
        for process in left:
            _has_gone(process, 1.0)


def _processes_of(home: Path) -> list[psutil.Process]:
    """The processes that were started for `home`: their command line or environment names it, and no other process has a reason to."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _is_of(process, home)]


def _is_of(process: psutil.Process, home: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        line = process.cmdline()
        if any("multiprocessing.resource_tracker" in word for word in line):
            return False  # of a test's own process, and ends with it; it heeds no signal before
        return str(home) in line or process.environ().get("PENSTOCK_HOME") == str(home)
    except psutil.Error:
        return False


def _ask_to_stop(path: str) -> None:
    connection = http.client.HTTPConnection("localhost", timeout=STOP_SECONDS)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(STOP_SECONDS)
        sock.connect(path)
        connection.sock = sock
        headers = {"Content-Type": "application/json", "X-Penstock-Protocol": "1"}
        connection.request("POST", "/api/v1/shutdown", json.dumps({"force": True}), headers)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        pass  # not listening any more, or gone before it could answer: what is left is ended by its pid
    finally:
        connection.close()
        sock.close()


def _read(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _has_gone(process: psutil.Process, seconds: float) -> bool:
    """Whether it ends within `seconds`. A zombie counts: its parent may be an init that takes its time."""
    until = time.monotonic() + seconds
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
    return True


# Other Pythons --------------------------------------------------------------------------------------------------------


def find_python(version: str) -> str | None:
    """An interpreter of `version` ("3.8") from PATH or a version manager's folder; stand-ins without one are passed over."""
    candidates = [shutil.which(f"python{version}")]
    homes = [
        os.environ.get("PYENV_ROOT") or "~/.pyenv",
        os.environ.get("UV_PYTHON_INSTALL_DIR") or "~/.local/share/uv/python",
    ]
    folders = [Path(homes[0]).expanduser() / "versions", Path(homes[1]).expanduser(), Path("~/.asdf/installs/python")]
    for folder in folders:
        candidates += sorted(map(str, folder.expanduser().glob(f"*{version}*/bin/python{version}")), reverse=True)
    for candidate in filter(None, candidates):
        try:
            says = subprocess.run(
                [candidate, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True
            )
        except OSError:
            continue
        if says.returncode == 0 and says.stdout.strip():
            return says.stdout.strip()
    return None


@pytest.fixture(scope="session")
def python_of() -> Callable[[str], str]:
    """The path of an interpreter by version. Missing: a failure in CI, a loud skip elsewhere."""

    def find(version: str) -> str:
        found = find_python(version)
        if found is None:
            message = f"No Python {version} on PATH or in ~/.pyenv/versions: install one (uv python install {version})."
            if IN_CI:
                pytest.fail(message)
            pytest.skip(f"NOT TESTED ON PYTHON {version}. {message}")
        return found

    return find
