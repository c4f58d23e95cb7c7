"""What calls that create a run cost elsewhere: MLflow's and Prefect's, asked by the same clients, each in an environment of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loading import load

FEWER = (8, 1)
PEER_SECONDS = 900.0
"""A peer that is not installed and up by then is given up."""


def measure(clients: int, seconds: float) -> Iterator[str]:
    """A line for each peer; of one that refuses calls or resets connections another for fewer clients, down to one."""
    for peer in (mlflow, prefect):
        folder = Path(tempfile.mkdtemp(prefix="peer-", dir="/tmp"))
        name = peer.__name__
        try:
            with peer(folder) as (url, body, version):
                for some in (clients, *FEWER):
                    found = load(url, json.dumps(body).encode(), {}, some, seconds)
                    half, most = found.quantile(0.5), found.quantile(0.99)
                    yield (
                        f"{name} {version}, {some} at once: {found.rate:,.0f} runs created a second, half within {half:.0f} ms, "
                        f"99 of 100 within {most:.0f} ms{found.refusals}"
                    )
                    if not found.refusals:
                        break
        except GivenUp as error:
            yield f"{name}: given up: {error}"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class GivenUp(Exception):
    """It could not be had within PEER_SECONDS."""


@contextlib.contextmanager
def mlflow(folder: Path) -> Iterator[tuple[str, Any, str]]:
    """Its tracking server on SQLite, as its documentation starts it."""
    until = time.monotonic() + PEER_SECONDS
    version = _install(folder, "mlflow", until)
    port = _free_port()
    argv = [str(folder / "venv/bin/mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)]
    argv += [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--default-artifact-root",
        str(folder / "files"),
    ]
    with _running(argv, folder, {}):
        base = f"http://127.0.0.1:{port}"
        _wait(base + "/health", until)
        yield f"{base}/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 0}, version


@contextlib.contextmanager
def prefect(folder: Path) -> Iterator[tuple[str, Any, str]]:
    """Its server on SQLite, as its documentation starts it."""
    until = time.monotonic() + PEER_SECONDS
    version = _install(folder, "prefect", until)
    port = _free_port()
    argv = [str(folder / "venv/bin/prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    base = f"http://127.0.0.1:{port}/api"
    quiet = {"PREFECT_HOME": str(folder / "home"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    with _running(argv, folder, {**quiet, "PREFECT_API_URL": base}):
        _wait(base + "/health", until)
        flow = _post(base + "/flows/", {"name": "bench"})["id"]
        yield f"{base}/flow_runs/", {"flow_id": flow, "state": {"type": "SCHEDULED"}}, version


def _install(folder: Path, name: str, until: float) -> str:
    """The version that was installed."""
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    python = str(folder / "venv/bin/python")
    _once([python, "-m", "pip", "install", "--quiet", name], until)
    show = f"import importlib.metadata as m; print(m.version({name!r}))"
    return _once([python, "-c", show], until).strip()


def _once(command: list[str], until: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=max(1.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise GivenUp(f"{command[3:]} took longer than {PEER_SECONDS:.0f} s") from None
    if done.returncode:
        raise GivenUp(f"{command[1:]} failed: {done.stderr.strip()[-300:]}")
    return done.stdout


@contextlib.contextmanager
def _running(argv: list[str], folder: Path, environ: dict[str, str]) -> Iterator[None]:
    dropped = ("PENSTOCK_", "AZUREML_", "PYTHON", "MLFLOW_", "PREFECT_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log, env={**env, **environ}, process_group=0)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()


def _wait(url: str, until: float) -> None:
    parts = urllib.parse.urlsplit(url)
    while time.monotonic() < until:
        connection = http.client.HTTPConnection(parts.netloc, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", parts.path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise GivenUp(f"it did not answer within {PEER_SECONDS:.0f} s")


def _post(url: str, body: Any) -> Any:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", parts.path, json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
