"""Submitting small pipelines over HTTP alone, for tests of what comes after. Knows docs/graph.md; nothing of the SDK."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

from penstock.cli.client import Address, Client, UnixConnection

Json = dict[str, Any]


def client_of(home: Path) -> Client:
    """A client of the server that runs for `home`."""
    return Client(Address(socket_path=json.loads((home / "server.json").read_text())["socket"]))


def upload(client: Client, workspace: str, files: dict[str, str]) -> str:
    """Keep `files` as a snapshot; its digest."""
    listed = [
        {"path": n, "size": len(t.encode()), "mode": 0o644, "digest": _digest(t.encode())} for n, t in files.items()
    ]
    digest = _digest("".join(sorted(f"{f['path']}\0-\0{f['digest']}\n" for f in listed)).encode())
    offer = {"files": listed, "digest": digest}
    if missing := client.post(f"ws/{workspace}/snapshots", offer)["missing"]:
        _send_blobs(client, workspace, [t.encode() for t in files.values() if _digest(t.encode()) in missing])
        assert client.post(f"ws/{workspace}/snapshots", offer)["missing"] == []
    return digest


def step(name: str, script: str, snapshot: str, *, node: str, after: tuple[str, ...] = (), **more: Any) -> Json:
    """A node of the graph that runs `script`. `more` replaces its fields."""
    plain = {
        "id": node, "name": name, "kind": "python_script", "step_type": "PythonScriptStep",
        "settings": {"script_name": script}, "snapshot": snapshot, "compute": {"name": "cpu", "explicit": False},
        "arguments": [], "inputs": [], "outputs": [], "parameters": {}, "environment_variables": {},
        "run_definition": {}, "allow_reuse": False, "version": None, "after": list(after),
    }  # fmt: skip
    return {**plain, **more}


def output(name: str) -> Json:
    return {
        "name": name, "datastore": None, "mode": "mount", "is_directory": None, "path_on_compute": None,
        "overwrite": False, "pipeline_output_name": None, "reference": "data", "destination": None, "register": None,
    }  # fmt: skip


def from_step(name: str, node: str) -> Json:
    return {
        "name": name, "source": {"node": node, "output": name}, "mode": "mount", "path_on_compute": None,
        "overwrite": False, "reference": "data", "env": None,
    }  # fmt: skip


def submit(client: Client, workspace: str, nodes: list[Json], experiment: str = "tests", **more: Any) -> Json:
    """Submit the graph of `nodes`; the answer of the server."""
    graph = {"schema": 1, "description": None, "default_datastore": None, "parameters": [], "nodes": nodes}
    version = ".".join(map(str, sys.version_info[:3]))
    interpreter = {"executable": sys.executable, "version": version, "sdk_path": None, "prefix": sys.prefix}
    body = {"experiment": experiment, "graph": graph, "parameters": {}, "interpreter": interpreter, **more}
    answer: Json = client.post(f"ws/{workspace}/runs", body)
    return answer


def wait(client: Client, workspace: str, run_id: str) -> Json:
    """The run once it has ended."""
    for _ in client.stream(f"ws/{workspace}/runs/{run_id}/stream"):
        pass
    run: Json = client.get(f"ws/{workspace}/runs/{run_id}")
    return run


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _send_blobs(client: Client, workspace: str, blobs: list[bytes]) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for blob in dict.fromkeys(blobs):
            member = tarfile.TarInfo(_digest(blob))
            member.size = len(blob)
            archive.addfile(member, io.BytesIO(blob))
    assert client.address.socket_path
    connection = UnixConnection(client.address.socket_path)
    connection.request("POST", f"/api/v1/ws/{workspace}/blobs", packed.getvalue(), {"X-Penstock-Protocol": "1"})
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status < 300, said
