"""Starting the embedded server of a home, detached, once however many ask. Knows processes; knows no HTTP."""

import fcntl
import os
import socket
import subprocess
import sys
import time

from azureml._client.errors import HomeError, ServerNotFoundError
from azureml._client.home import ensure_home, server_record, unwritable

START_SECONDS = 30.0
_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH",
    "XDG_RUNTIME_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
)  # fmt: skip
_KEPT_PREFIXES = ("LC_", "SSL_", "PENSTOCK_")
_DROPPED = (  # a step's own, and who somebody is elsewhere
    "PENSTOCK_JOB", "PENSTOCK_PARENT_RUN_ID", "PENSTOCK_URL", "PENSTOCK_SOCKET", "PENSTOCK_TOKEN", "PENSTOCK_PASSWORD",
)  # fmt: skip
_children = []  # pids of servers started by this process, reaped when they have left


def ensure_server(home):
    """The path of the socket on which the server of `home` answers; it is started when none does."""
    path = answering(home)
    if path:
        return path
    ensure_home(home)
    try:
        lock = open(os.path.join(home, "start.lock"), "w")
    except OSError as error:
        raise HomeError(unwritable(home, error.strerror)) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released by the kernel, whatever becomes of us
        path = answering(home)
        return path or _start(home)


def answering(home):
    """The socket of the home's server if somebody accepts connections there, else None."""
    path = server_record(home).get("socket")
    if not path:
        return None
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
    except OSError:
        return None
    finally:
        probe.close()
    return path


def _start(home):
    python = find_python(home)
    _reap()
    log = os.path.join(home, "logs", "server.log")
    with open(log, "ab") as output:
        said_before = output.tell()
        process = subprocess.Popen(
            [python, "-m", "penstock", "serve", "--embedded"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=scrubbed(os.environ, home),
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while True:
        path = answering(home)
        ended = process.poll()
        if path or ended or time.monotonic() > deadline:
            break
        if ended == 0:  # it left because another one was quicker: that one answers soon, or never
            deadline = min(deadline, time.monotonic() + 2)
            time.sleep(0.05)
        time.sleep(0.005)
    if ended is None:
        _children.append(process.pid)
        process.returncode = 0  # it outlives us on purpose: no warning that it still runs
    if path:
        return path
    raise ServerNotFoundError(_not_started(home, python, ended, _last_line(log, said_before)))


def find_python(home):
    """The interpreter that can run the server; ServerNotFoundError with the install line when there is none."""
    named = os.environ.get("PENSTOCK_PYTHON")
    if named:
        return named
    import importlib.util

    if sys.executable and importlib.util.find_spec("penstock") is not None:
        return sys.executable
    import shutil

    command = shutil.which("penstock")
    if command:
        found = _python_of(command)
        if found:
            return found
    recorded = server_record(home).get("python")
    if recorded and os.access(recorded, os.X_OK):
        return recorded
    raise ServerNotFoundError(
        "No Penstock server is running, and none could be started: this Python ({}) has no penstock, there is no "
        "`penstock` on PATH, and {} remembers none. Install it: pip install penstock (Python 3.11 or newer), or set "
        "PENSTOCK_PYTHON to an interpreter that has it, or PENSTOCK_URL to a server.".format(sys.executable, home)
    )


def _python_of(command):
    """The interpreter named in the first line of an installed command, or None."""
    try:
        with open(command, "rb") as file:
            first = file.readline(1024)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    python = os.fsdecode(first[2:].strip()).split(" ")[0]
    if os.path.basename(python).startswith("python") and os.access(python, os.X_OK):
        return python
    return None


def scrubbed(environ, home):
    """The environment of the server: what the machine sets, without what this script's own environment brought."""
    kept = {k: v for k, v in environ.items() if (k in _KEPT or k.startswith(_KEPT_PREFIXES)) and k not in _DROPPED}
    kept["PENSTOCK_HOME"] = home
    return kept


def _reap():
    for pid in list(_children):
        try:
            gone = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:
            gone = True
        if gone:
            _children.remove(pid)


def _last_line(log, offset):
    try:
        with open(log, "rb") as file:
            file.seek(offset)
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


def _not_started(home, python, ended, said):
    if ended is None:
        what = "did not answer within {:.0f} seconds".format(START_SECONDS)
    else:
        what = "ended with status {}".format(ended)
    return "The Penstock server of {} ({} -m penstock serve) {}: {} Its log is {}; `penstock doctor` looks for the cause.".format(
        home, python, what, (said or "it said nothing.").rstrip(".") + ".", os.path.join(home, "logs", "server.log")
    )
