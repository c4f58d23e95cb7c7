"""Starting real servers and talking to them as any HTTP client would. For tests; knows docs/graph.md."""

import contextlib
import hashlib
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

API = "/api/v1"
LOGS: dict[Path, Path] = {}
"""What the servers of a home have printed."""


class Client:
    """A plain HTTP client on the home's socket."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def record(self):
        return json.loads((self.home / "server.json").read_text())

    def raw(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("localhost", timeout=60)
        with socket.socket(socket.AF_UNIX) as plain, contextlib.closing(connection):
            connection.sock = plain
            plain.settimeout(60)
            plain.connect(self.record()["socket"])
            connection.request(method, path, body, headers or {"Content-Type": "application/json"})
            with connection.getresponse() as response:
                return response.status, response.read()

    def __call__(self, method, path, body=None):
        status, content = self.raw(method, API + path, None if body is None else json.dumps(body))
        return status, json.loads(content) if content else None

    def snapshot(self, **files):
        """Uploads a source folder; keyword `a__py` is the file a.py."""
        entries, blobs = [], io.BytesIO()
        with tarfile.open(fileobj=blobs, mode="w") as archive:
            for name, content in files.items():
                digest = "sha256:" + hashlib.sha256(content).hexdigest()
                path = name.replace("__", ".")
                entries.append({"path": path, "size": len(content), "mode": 0o644, "digest": digest})
                member = tarfile.TarInfo(digest)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        lines = sorted(f"{e['path']}\0-\0{e['digest']}\n" for e in entries)
        digest = "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()
        offer = {"files": entries, "digest": digest}
        self("POST", "/ws/w/snapshots", offer)
        self.raw("POST", API + "/ws/w/blobs", blobs.getvalue())
        assert self("POST", "/ws/w/snapshots", offer) == (200, {"missing": []})
        return digest

    def submit(self, nodes, **more):
        graph = {"schema": 1, "nodes": nodes}
        return self(
            "POST",
            "/ws/w/runs",
            {"experiment": "e", "graph": graph, "interpreter": {"executable": sys.executable}, **more},
        )

    def follow(self, run_id, **query):
        """All lines of the run's stream, until it has ended."""
        asked = "&".join(f"{k}={v}" for k, v in query.items())
        status, content = self.raw("GET", f"{API}/ws/w/runs/{run_id}/stream?{asked}")
        assert status == 200
        return [json.loads(line) for line in content.splitlines()]

    def run(self, run_id):
        return self("GET", f"/ws/w/runs/{run_id}")[1]

    def children(self, run_id):
        return self("GET", f"/ws/w/runs/{run_id}/children")[1]["value"]

    def events(self, run_id):
        return self("GET", f"/ws/w/runs/{run_id}/events")[1]["value"]


def node(snapshot, n=0, **more):
    """A node of a graph that runs a.py of the snapshot, each time it is submitted."""
    return {
        "id": f"{n:08x}",
        "name": f"step {n}",
        "kind": "python_script",
        "settings": {"script_name": "a.py"},
        "snapshot": snapshot,
        "compute": {"name": "cluster"},
        "outputs": [{"name": "out"}],
        "arguments": [{"literal": "x"}],
        "allow_reuse": False,
        **more,
    }


def serve(home: Path, *arguments: str, **environ: str) -> subprocess.Popen:
    """A server process on `home`; `printed` has what it says."""
    argv = [sys.executable, "-m", "penstock", "serve", *arguments]
    with open(log_of(home), "ab") as log:
        env = {**os.environ, "PENSTOCK_HOME": str(home), **environ}
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=env)


def log_of(home: Path) -> Path:
    """The file for all that the servers of a home print."""
    if home not in LOGS:
        number, name = tempfile.mkstemp(suffix=".log")
        os.close(number)
        LOGS[home] = Path(name)
    return LOGS[home]


def printed(home: Path) -> str:
    return LOGS[home].read_text()


def wait_until_served(home: Path, process: subprocess.Popen) -> Client:
    """A client, once the server answers."""
    client, until = Client(home), time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if client.record()["pid"] == process.pid and client("GET", "/server")[0] == 200:
                client("PUT", "/workspaces/w", {"create": True, "exist_ok": True})
                return client
        except (OSError, ValueError, http.client.HTTPException):
            pass
        assert process.poll() is None, printed(home)
        time.sleep(0.01)
    raise AssertionError("the server did not come up")


def has_begun(folder):
    """Whether the script of this job runs: what says so has been written, and is whole."""
    try:
        return (folder / "running").read_bytes() != b""
    except FileNotFoundError:
        return False


def wait_for(what, seconds=30.0):
    """The first true value of `what()`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {seconds} s")
