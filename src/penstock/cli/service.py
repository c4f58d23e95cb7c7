"""`penstock service`: a server that outlives the login, kept by the user's own service manager (systemd or launchd).

Writes one file of the user's and asks the manager to take it up. Never needs root.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from penstock.cli import places
from penstock.cli.commands import HelpfulGroup, home_option, json_option
from penstock.cli.printing import print_json
from penstock.cli.trouble import Trouble
from penstock.cli.units import Kept, label, launchd_agent, systemd_unit
from penstock.model.settings import SETTINGS

NOT_THE_SERVERS = ("home", "url", "python", "token", "idle_seconds")
MANAGER_SECONDS = 60.0


@click.group(cls=HelpfulGroup)
def service() -> None:
    """Keep a server that survives logout and restarts, for schedules and published pipelines."""


@service.command()
@click.option("--no-start", is_flag=True, help="Only write the file.")
@home_option
@json_option
def install(no_start: bool, home: str | None, as_json: bool) -> None:
    """Write the service's file and start it. Safe to repeat, and to be repeated after an upgrade or a change of settings.

    The PENSTOCK_* settings of this shell go with it. A server that runs already is replaced; steps under way go on.
    """
    kept = _kept(home)
    path, text = _file(kept)
    _write(path, text)
    commands = _starting(kept, path)
    failed = None if no_start else _run_all(commands)
    if failed is not None:
        raise Trouble(
            f"Wrote {path}, but it could not be started: {failed}. Mend that, then run:", more=_shown(commands)
        )
    if as_json:
        print_json({"name": kept.name, "file": str(path), "started": not no_start})
        return
    click.echo(f"Wrote {path}")
    if no_start:
        click.echo("Start it with:\n" + "\n".join(f"  {c}" for c in _shown(commands)))
        return
    click.echo(f"Started {kept.name}: it serves {kept.home}, now and after every restart.")
    for line in _stay_after_logout():
        click.echo(line)


@service.command()
@home_option
@json_option
def uninstall(home: str | None, as_json: bool) -> None:
    """Stop the service and remove its file. Runs, steps under way and all else in the home stay."""
    kept = _kept(home)
    path, _ = _file(kept)
    is_there = path.exists()
    if is_there:
        failed = _run_all(_stopping(kept, path))
        path.unlink()
        if failed is not None:
            raise Trouble(f"Removed {path}, but the service could not be stopped: {failed}. See: penstock stop")
    if as_json:
        print_json({"name": kept.name, "file": str(path), "removed": is_there})
    else:
        click.echo(f"Stopped {kept.name} and removed {path}" if is_there else f"No service was installed at {path}.")


@service.command()
@home_option
def show(home: str | None) -> None:
    """Print the file that install would write, and where it goes."""
    path, text = _file(_kept(home))
    click.echo(f"# {path}", err=True)
    click.echo(text.decode(), nl=False)


def installed(home: Path) -> Path | None:
    """The file of the service that keeps this home's server, if one is installed."""
    if not _is_managed():
        return None
    path, _ = _file(_kept(str(home)))
    return path if path.exists() else None


def _kept(home: str | None, environ: Mapping[str, str] = os.environ) -> Kept:
    at = places.place(home)
    if at.url:
        raise Trouble(
            f"{at.named_by} names a server elsewhere ({at.url}); a service is for one here. Take that out, or name the home: --home FOLDER"
        )
    names = [s.variable for s in SETTINGS if s.name not in NOT_THE_SERVERS]
    settings = {n: environ[n] for n in names if environ.get(n)}
    return Kept(sys.executable, at.home, Path("~/.penstock").expanduser().absolute(), settings)


def _is_managed() -> bool:
    return sys.platform in ("linux", "darwin")


def _file(kept: Kept) -> tuple[Path, bytes]:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{label(kept)}.plist", launchd_agent(kept)
    if not _is_managed():
        raise Trouble(f"No service manager is known here ({sys.platform}). Keep one yourself: penstock serve")
    configuration = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return configuration / "systemd" / "user" / f"{kept.name}.service", systemd_unit(kept).encode()


def _write(path: Path, text: bytes) -> None:
    """For this user's eyes alone: a database's URL may hold a password."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(text)
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise Trouble(f"{path} cannot be written: {error.strerror}. Make its folder writable, and try again.") from None


def _starting(kept: Kept, path: Path) -> list[list[str]]:
    if sys.platform == "darwin":
        domain = f"gui/{os.getuid()}"
        return [["launchctl", "bootstrap", domain, str(path)], ["launchctl", "kickstart", f"{domain}/{label(kept)}"]]
    manager = ["systemctl", "--user"]
    return [[*manager, "daemon-reload"], [*manager, "enable", kept.name], [*manager, "restart", kept.name]]


def _stopping(kept: Kept, path: Path) -> list[list[str]]:
    if sys.platform == "darwin":
        return [["launchctl", "bootout", f"gui/{os.getuid()}", str(path)]]
    return [["systemctl", "--user", "disable", "--now", kept.name]]


def _run_all(commands: list[list[str]]) -> str | None:
    """What went wrong with the first that failed."""
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=MANAGER_SECONDS)
        except FileNotFoundError:
            return f"{command[0]} is not there"
        except subprocess.TimeoutExpired:
            return f"{' '.join(command)} did not end within {MANAGER_SECONDS:.0f} s"
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            return f"{' '.join(command)} said: {said[-1] if said else f'status {done.returncode}'}"
    return None


def _shown(commands: list[list[str]]) -> tuple[str, ...]:
    return tuple(" ".join(c) for c in commands)


def _stay_after_logout() -> list[str]:
    """What is left for the user to do so that it runs while nobody is logged in. Nothing on macOS: agents end with the session there."""
    if sys.platform == "darwin":
        return ["It runs while you are logged in."]
    if shutil.which("loginctl") and _run_all([["loginctl", "enable-linger"]]) is None:
        return ["It goes on when you log out."]
    return ["So that it goes on when you log out, an administrator runs: loginctl enable-linger " + _user()]


def _user() -> str:
    import getpass

    return getpass.getuser()
