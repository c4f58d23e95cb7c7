"""A node, a home and hand-made job folders for the tests: what the server is to the node, without a server."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock import node
from penstock.node import messages
from penstock.node.identity import is_alive

Json = dict[str, Any]
PATIENCE_SECONDS = 30.0


class Server:
    """The server's side of one home: writes job folders, starts the node, listens at the wake socket."""

    def __init__(self, root: Path, python: str = sys.executable, idle_seconds: float | None = None) -> None:
        self.home = root / "home"
        self.jobs = self.home / "jobs"
        self.datastore = root / "datastore"
        self.jobs.mkdir(parents=True)
        self.datastore.mkdir()
        self._short = tempfile.TemporaryDirectory(prefix="pn-")  # socket paths are limited to some 100 bytes
        self.sockets = Path(self._short.name)
        self.python = python
        self.idle_seconds = idle_seconds
        self.heard: list[str] = []
        self.wake_path = self.sockets / "wake.sock"
        self.wake: socket.socket | None = None
        self.listen()

    def listen(self) -> None:
        self.wake = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.wake.bind(str(self.wake_path))

    def stop_listening(self) -> None:
        if self.wake is not None:
            self.wake.close()
            self.wake_path.unlink()
            self.wake = None

    def start_node(self) -> subprocess.CompletedProcess[bytes]:
        argv = node.command(self.python, self.home, self.sockets)
        if self.idle_seconds is not None:
            argv += ["--idle-seconds", str(self.idle_seconds)]
        return subprocess.run(argv, capture_output=True, timeout=PATIENCE_SECONDS, check=False)

    def node_pid(self) -> int:
        return int(json.loads((self.home / "node.lock").read_text())["pid"])

    def close(self) -> None:
        try:
            pid = self.node_pid()
            os.kill(pid, signal.SIGTERM)
            wait_gone(pid)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            pass
        self.stop_listening()
        self._short.cleanup()

    def snapshot(self, files: dict[str, str | bytes], modes: dict[str, int] | None = None) -> Json:
        rows = []
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            name = hashlib.sha256(data).hexdigest()
            blob = self.home / "blobs" / name[:2] / name
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(data)
            mode = (modes or {}).get(path, 0o644)
            rows.append({"path": path, "size": len(data), "mode": mode, "digest": "sha256:" + name})
        text = json.dumps({"files": rows})
        manifest = self.home / "snapshots" / (hashlib.sha256(text.encode()).hexdigest() + ".json")
        manifest.parent.mkdir(exist_ok=True)
        manifest.write_text(text)
        return {"manifest": str(manifest), "blobs": str(self.home / "blobs")}

    def make_job(
        self, code: str | dict[str, str | bytes] | None, *arguments: str, name: str = "run.1", **fields: Any
    ) -> Path:
        """Writes a job folder for a script `main.py` with this code (or for these files)."""
        folder = self.jobs / name
        folder.mkdir()
        files = {"main.py": code} if isinstance(code, str) else code
        job = {
            "schema": 1,
            "name": name,
            "run_id": name.rpartition(".")[0],
            "attempt": 1,
            "root_id": "root",
            "step": "a step",
            "argv": [self.python, node.LAUNCHER, "main.py", *arguments],
            "script": "main.py",
            "env": {"AZUREML_RUN_ID": name, "PENSTOCK_JOB": str(folder), "PYTHONUNBUFFERED": "1"},
            "sdk_path": None,
            "snapshot": self.snapshot(files) if files is not None else None,
            "inputs": [],
            "outputs": [],
            "captures": ["outputs", "logs"],
            "timeout_seconds": None,
            "grace_seconds": 10,
            "wake": str(self.wake_path),
            "server_argv": None,
            "server_env": {},
        }
        job.update(fields)
        (folder / "job.json").write_text(json.dumps(job))
        return folder

    def output(self, name: str, is_directory: bool | None = None, upload_from: str | None = None) -> Json:
        stage = self.datastore / ".staging" / "run.1" / name
        return {"name": name, "stage": str(stage), "is_directory": is_directory, "upload_from": upload_from}

    def start(self, folder: Path) -> None:
        messages.start(self.sockets, folder)

    def hear(self, text: str) -> None:
        """Waits until the stub has said this."""
        assert self.wake is not None
        end = time.monotonic() + PATIENCE_SECONDS
        while text not in self.heard:
            self.wake.settimeout(max(0.01, end - time.monotonic()))
            self.heard.append(self.wake.recv(65536).decode())

    def finish(self, folder: Path) -> Json:
        self.hear(f"exit {folder.name}")
        return self.end(folder)

    def end(self, folder: Path) -> Json:
        record: Json = json.loads((folder / "exit.json").read_text())
        return record

    def run(self, code: str | dict[str, str | bytes] | None, *arguments: str, **fields: Any) -> tuple[Path, Json]:
        """Makes the job, has it run, and gives back its folder and exit record."""
        folder = self.make_job(code, *arguments, **fields)
        self.start(folder)
        return folder, self.finish(folder)

    def log(self) -> str:
        path = self.home / "logs" / "node.log"
        return path.read_text() if path.exists() else ""


def wait_gone(pid: int) -> None:
    """Returns when the process has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([fd], [], [], PATIENCE_SECONDS)
        assert ready, f"process {pid} still lives"
    finally:
        os.close(fd)


def is_gone(pid: int) -> bool:
    return not is_alive(pid, None, None)


@contextlib.contextmanager
def running_server(root: Path, **options: Any) -> Iterator[Server]:
    """A Server whose node runs."""
    server = Server(root, **options)
    try:
        done = server.start_node()
        assert (done.returncode, done.stderr) == (0, b"")
        yield server
    finally:
        server.close()
