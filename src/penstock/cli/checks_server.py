"""Doctor's checks of what should be running: the server, the node, the port. Starts nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import penstock
from penstock.cli.checks import Finding, fail, ok, warn
from penstock.cli.places import Place, running

START = "Start one with: penstock serve (submitting a pipeline starts one by itself)"


def server(at: Place) -> Iterator[Finding]:
    """That a server answers, in our version."""
    client = running(at)
    if client is None:
        if at.url:
            yield fail("server", f"nobody answers at {at.url} ({at.named_by}).", "Start it, or name none there.")
        else:
            yield ok("server", f"none is running. {START}")
        return
    said, health = client.get("server"), client.health() or {}
    if health.get("code"):
        yield fail(
            "server", f"it answers, but: {health['trouble']}", "It takes up its work by itself once that is mended."
        )
        return
    if health.get("status") != "ok":
        yield fail(
            "server",
            f"it answers, but its scheduler fails: {health.get('trouble') or 'it does not say why'}.",
            f"See {at.home / 'logs' / 'server.log'}; then: penstock stop --force && penstock serve",
        )
        return
    if said["version"] != penstock.__version__:
        yield warn(
            "server",
            f"version {said['version']} is running, this is {penstock.__version__}.",
            "Restart it with: penstock stop && penstock serve",
        )
    else:
        yield ok("server", f"{said['version']} answers at {client.address}")


def node(at: Place) -> Iterator[Finding]:
    """That somebody listens on the node's socket, when a server needs one."""
    if at.url:
        return
    path = at.settings.socket_dir / "node.sock"
    is_there = _listens(path.as_posix())
    if is_there and _is_stopped(at):
        yield fail(
            "node",
            f"it listens at {path} but is stopped, so it answers nobody and no step can start.",
            "Continue it: kill -CONT the pid in node.lock (or kill it: the server starts another)",
        )
    elif is_there:
        yield ok("node", f"listens at {path}")
    elif running(at) is None:
        yield ok("node", "none is running, and none is needed without a server")
    else:
        yield fail(
            "node",
            f"nobody listens at {path}, so no step can start.",
            "Restart it with: penstock stop && penstock serve",
        )


def processes(at: Place) -> Iterator[Finding]:
    """How what steps start is kept hold of."""
    if at.url:
        return
    from penstock.compute.local import control_groups

    place = control_groups()
    if at.settings.cgroups and place is None:
        yield warn(
            "processes",
            "PENSTOCK_CGROUPS is set, but this process may make no control groups (cgroup v2) here.",
            "Unset it, or start the server where it may: systemd-run --user --scope -p Delegate=yes penstock serve",
        )
    elif at.settings.cgroups:
        yield ok("processes", f"steps run in control groups below {place}; what is left in one is killed at once")
    else:
        could = f"; PENSTOCK_CGROUPS=1 would use control groups too ({place})" if place else ""
        yield ok("processes", f"what steps start is followed by a subreaper and swept up by marks{could}")


def port(at: Place) -> Iterator[Finding]:
    """That the home's port is free or held by our own server."""
    url = at.record().get("url")
    if at.url or not url:
        return
    number = urlsplit(url).port
    if number is None:
        return
    if running(at) is not None:
        yield ok("port", f"{number} is the server's own")
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            yield fail(
                "port",
                f"{number}, this home's port, is in use by another program ({error.strerror}).",
                f"Stop that program ('ss -ltnp sport = :{number}' names it), or choose another: penstock serve --port N",
            )
            return
    yield ok("port", f"{number} is free for the server")


def _is_stopped(at: Place) -> bool:
    """Whether the node's process is held by a signal or a debugger."""
    try:
        pid = int(json.loads((at.home / "node.lock").read_text(encoding="utf-8"))["pid"])
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False
    return state in "Tt"


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
