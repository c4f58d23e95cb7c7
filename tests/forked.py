"""Servers forked from a process that has loaded their modules: for tests in which they die by the dozen, and for those that share one.

Three quarters of a server's start is loading the same modules again. What such tests prove is what a server does, and what it leaves to
the next, not how one is loaded: that is proven wherever `integration.served.serve` or the SDK starts one. Each is a process of its own
all the same, in a session of its own, with its own memory, files and environment, and runs the command line's `serve`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import subprocess
from multiprocessing import forkserver
from pathlib import Path

import pytest
from integration.served import Client, log_of, wait_for

from azureml._client.start import scrubbed

_CONTEXT = multiprocessing.get_context("forkserver")
_FIRST_ASKED_FOR = ("anyio._backends._asyncio", "pydantic.v1", "uvicorn.protocols.http.httptools_impl")
_CONTEXT.set_forkserver_preload(
    [
        *("forked", "uvicorn", "penstock.cli.home"),
        *("penstock.server.serve", "penstock.server.app", "penstock.server.guard"),
        *_FIRST_ASKED_FOR,
    ]
)


class Forked:
    """A server process: as much of `subprocess.Popen` as tests use."""

    def __init__(self, arguments: tuple[str, ...], log: Path, environ: dict[str, str]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("PENSTOCK_HOME")  # the process that is forked from is of no home, and ends with none
            forkserver.ensure_running()
        self._process = _CONTEXT.Process(target=_run, args=(arguments, log, environ), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self._log = log

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            os.kill(self.pid, signal.SIGABRT)  # what each of its threads is doing goes into its log
            self._process.join(5)
            raise subprocess.TimeoutExpired(f"serve\n{self._log.read_text()[-8000:]}", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def serve(home: Path, *arguments: str, **environ: str) -> Forked:
    """A server process on `home`, as `integration.served.serve`."""
    return Forked(arguments, log_of(home), {**os.environ, "PENSTOCK_HOME": str(home), **environ})


def serve_embedded(home: Path) -> None:
    """A server that answers on `home` as if the SDK had started it. Ends as such a one does: when it is asked to, or not needed."""
    (home / "logs").mkdir()
    process = Forked(("--embedded",), home / "logs/server.log", scrubbed(os.environ, str(home)))
    wait_for(lambda: process.poll() is not None or _answers(home))
    assert process.poll() is None, (home / "logs/server.log").read_text()


def _answers(home: Path) -> bool:
    with contextlib.suppress(OSError):
        return Client(home)("GET", "/server")[0] == 200
    return False


def _run(arguments: tuple[str, ...], log: Path, environ: dict[str, str]) -> None:
    from penstock.cli.main import main

    os.setsid()
    os.chdir("/")
    with open(log, "ab") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    faulthandler.enable()
    os.environ.clear()
    os.environ.update(environ)
    main(["serve", *arguments])
