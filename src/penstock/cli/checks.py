"""What `penstock doctor` looks at. Each check yields findings; none changes anything.

Knows the home's layout and the machine; the checks of a home and of a server are in checks_home.py.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata

import penstock
from penstock.cli.places import Place

OLDEST_PYTHON = (3, 11)
MICROSOFTS = ("azureml-core", "azureml-pipeline-core", "azureml-pipeline-steps", "azureml-pipeline", "azureml-sdk",
              "azureml-train-core", "azureml-dataprep", "azureml-telemetry", "azureml-widgets", "azureml-train-automl-client")  # fmt: skip
YEAR_2025 = 1735689600.0


class Level(Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what is so, and what to do about it."""

    level: Level
    subject: str
    what: str
    fix: str = ""


Check = Callable[[Place], Iterator[Finding]]


def ok(subject: str, what: str) -> Finding:
    return Finding(Level.OK, subject, what)


def warn(subject: str, what: str, fix: str) -> Finding:
    return Finding(Level.WARN, subject, what, fix)


def fail(subject: str, what: str, fix: str) -> Finding:
    return Finding(Level.FAIL, subject, what, fix)


def all_checks(at: Place) -> Iterator[Finding]:
    """Every finding, in the order a person would look. A check that breaks is itself a finding."""
    from penstock.cli import checks_damage, checks_home, checks_server

    checks: tuple[Check, ...] = (
        python, versions, mixture, clock,
        checks_home.folder, checks_damage.choices, checks_damage.secrets,
        checks_home.filesystem, checks_home.space, checks_home.sockets,
        checks_server.server, checks_server.node, checks_server.processes, checks_server.port,
        checks_home.database, checks_damage.schema, checks_home.jobs, checks_damage.runs,
        checks_damage.snapshots, checks_damage.outputs, checks_damage.models, checks_damage.datastores,
    )  # fmt: skip
    for check in checks:
        try:
            yield from check(at)
        except Exception as error:
            yield fail(check.__name__, f"this check itself broke: {error!r}.", "Please report it.")


def python(at: Place) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= OLDEST_PYTHON:
        yield ok("python", f"{version} ({sys.executable})")
    else:
        yield fail("python", f"{version} is too old.", "Install Penstock with Python 3.11 or newer.")


def versions(at: Place) -> Iterator[Finding]:
    """That the server and the SDK of this environment were released together."""
    try:
        sdk = metadata.version("penstock-sdk")
    except metadata.PackageNotFoundError:
        yield fail("versions", f"penstock {penstock.__version__} is here without its SDK.", "pip install penstock-sdk")
        return
    if sdk == penstock.__version__:
        yield ok("versions", f"penstock and penstock-sdk are both {sdk}")
    else:
        yield fail(
            "versions",
            f"penstock is {penstock.__version__} but penstock-sdk is {sdk}.",
            f"pip install 'penstock=={penstock.__version__}' 'penstock-sdk=={penstock.__version__}'",
        )


def mixture(at: Place) -> Iterator[Finding]:
    """That no package of Microsoft's has put its files over ours."""
    found = [name for name in MICROSOFTS if _is_installed(name)]
    if found:
        yield fail(
            "azureml",
            f"Microsoft's {', '.join(found)} shares this environment and overwrites files of penstock-sdk.",
            f"pip uninstall -y {' '.join(found)} && pip install --force-reinstall --no-deps penstock-sdk",
        )
    elif importlib.util.find_spec("azureml") is None:
        yield fail("azureml", "'import azureml' finds nothing.", "pip install --force-reinstall --no-deps penstock-sdk")
    else:
        yield ok("azureml", "'import azureml' is penstock-sdk's alone")


def clock(at: Place) -> Iterator[Finding]:
    """That the clock is sane and not behind what this home has already recorded."""
    now = time.time()
    newest = 0.0
    for name in ("penstock.db", "penstock.db-wal", "server.json"):
        path = at.home / name
        if path.exists():
            newest = max(newest, path.stat().st_mtime)
    if now < YEAR_2025:
        yield fail("clock", f"it is {time.strftime('%Y-%m-%d', time.gmtime(now))} here.", "Set the machine's clock.")
    elif newest > now + 60:
        yield warn(
            "clock", f"it is {newest - now:.0f} s behind the last change in the home.", "Set the clock (timedatectl)."
        )
    else:
        yield ok("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z"))


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
