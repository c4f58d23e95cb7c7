"""Where things are: the home, its server, the workspace meant. Starts the embedded server when it has left.

Reads the environment once, through the settings. Must not print.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.cli import logins
from penstock.cli.client import Address, Client, segment
from penstock.cli.trouble import BAD_USAGE, NoServer, NotThere, Trouble
from penstock.model.settings import Settings

START_SECONDS = 20.0
# A step's own variables, and a pointer to another server, are not for a server to inherit.
NOT_THE_SERVERS = (
    "AZUREML_",
    "AML_PARAMETER_",
    "PENSTOCK_JOB",
    "PENSTOCK_PASSWORD",
    "PENSTOCK_SOCKET",
    "PENSTOCK_TOKEN",
    "PENSTOCK_URL",
    "PYTHONSTARTUP",
)
TYPED = "the address that you gave"
CONFIG_FILES = (".azureml/config.json", "aml_config/config.json", "config.json")


@dataclass(frozen=True)
class Place:
    """One home and how to reach its server. `url` is set when PENSTOCK_URL or a config.json (`named_by`) names a server outright."""

    settings: Settings
    url: str
    given_token: str
    named_by: str = "PENSTOCK_URL"
    is_typed: bool = False  # the home was given with --home

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def shown(self) -> str:
        """What a command that is to reach the same server begins with; nothing where the next one finds it by itself."""
        return f"PENSTOCK_URL={self.url} " if self.url and self.named_by == TYPED else ""

    def token(self) -> str | None:
        """PENSTOCK_TOKEN; for the home's own server the home's token, for another's what `penstock login` kept; None: nothing."""
        if self.given_token:
            return self.given_token
        if self.url.rstrip("/") == self.record().get("url"):
            return _kept_token(self.home)
        return logins.token(self.home, self.url)

    def record(self) -> dict[str, Any]:
        """What `<home>/server.json` says of the last server; empty when there was none."""
        try:
            record = json.loads((self.home / "server.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}


def place(home: str | None = None, environ: Mapping[str, str] = os.environ) -> Place:
    """The place the options and the environment name."""
    try:
        settings = Settings.from_environ(environ, home, os.getuid())
    except ValueError as error:
        raise Trouble(str(error), BAD_USAGE) from None
    given = environ.get("PENSTOCK_TOKEN", "")
    if home:
        return Place(settings, "", given, is_typed=True)
    if url := environ.get("PENSTOCK_URL", ""):
        return Place(settings, url, given)
    found = _config_here()
    url = url_of(found) if found else ""
    return Place(settings, url, given, f"penstock_url in {found}" if url else "PENSTOCK_URL")


def _config_here() -> Path | None:
    try:
        return nearest_config(Path.cwd())
    except FileNotFoundError:
        return None  # the folder that we are in was deleted


def running(at: Place) -> Client | None:
    """A client of the server that answers there now, or None. Never starts one."""
    if at.url:
        if not Client(Address.parse(at.url)).answers():
            return None
        return Client(Address.parse(at.url), at.token())
    path = at.record().get("socket")
    if not path or not Path(path).exists():
        return None
    client = Client(Address(socket_path=path))
    return client if client.answers() else None


def server(at: Place) -> Client:
    """A client of the server there; an embedded one that has left is started again when its home exists."""
    client = running(at)
    if client is not None:
        return client
    if at.url:
        way_out = "Look whether it runs" if at.named_by == TYPED else "Start it, or name none there"
        raise NoServer(f"No Penstock server answers at {at.url} ({at.named_by}). {way_out}.")
    if not at.home.is_dir():
        where = f" --home {at.home}" if at.is_typed else ""
        raise NoServer(f"There is no Penstock home at {at.home} yet. Make one with: penstock init{where}")
    return start(at)


def start(at: Place) -> Client:
    """Start the embedded server, detached, and wait until it answers. A second one started at once leaves by itself."""
    log = at.home / "logs" / "server.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "penstock", "serve", "--embedded"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(NOT_THE_SERVERS)}
    with log.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env={**kept, "PENSTOCK_HOME": str(at.home)},
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        client = running(at)
        if client is not None:
            return client
        if process.poll() not in (None, 0):
            break
        time.sleep(0.02)
    said = log.read_bytes()[before:].decode("utf-8", "replace").strip().splitlines()[-3:]
    why = f" It said: {' '.join(said)}" if said else ""
    raise NoServer(f"The server of {at.home} could not be started.{why} Run 'penstock doctor' to see what is wrong.")


def workspaces(client: Client) -> list[dict[str, Any]]:
    """The server's workspaces."""
    value: list[dict[str, Any]] = client.get("workspaces")["value"]
    return value


def choose_workspace(client: Client, given: str | None, folder: Path) -> str:
    """The workspace meant: the one given, else the nearest config.json's, else the only one there is."""
    names = [w["name"] for w in workspaces(client)]
    chosen, because = given, "--workspace"
    if chosen is None:
        found = nearest_config(folder)
        if found is not None:
            chosen, because = workspace_of(found), str(found)
    if chosen is None:
        return _only(names)
    if chosen not in names:
        raise NotThere(f"Workspace '{chosen}' ({because}) is not on this server. It has: {_listed(names)}.")
    return chosen


def meant_workspaces(client: Client, given: str | None, folder: Path) -> list[str]:
    """The workspaces to list: the one meant, or all of them when none is."""
    if given is None and nearest_config(folder) is None:
        return [w["name"] for w in workspaces(client)]
    return [choose_workspace(client, given, folder)]


def other_workspaces(client: Client, given: str | None, meant: list[str]) -> list[str]:
    """Those that `meant` leaves out, to look for a run id in: a config.json says where to begin, --workspace where to stay."""
    return [] if given is not None else [w["name"] for w in workspaces(client) if w["name"] not in meant]


def nearest_config(folder: Path) -> Path | None:
    """The workspace configuration file that counts in `folder`, searched upward."""
    for parent in (folder, *folder.parents):
        for name in CONFIG_FILES:
            path = parent / name
            if path.is_file() and _is_config(path, certain=name != "config.json"):
                return path
    return None


def workspace_of(path: Path) -> str:
    """The workspace's name in a configuration file of either format."""
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise Trouble(
            f"{path} cannot be read as JSON: {error}. Mend it, or choose with --workspace.", BAD_USAGE
        ) from None
    name = _named(config)
    if name is None:
        raise Trouble(
            f"{path} names no workspace: it has neither 'workspace_name' nor a 'Scope'. Mend it, or choose with --workspace.",
            BAD_USAGE,
        )
    return name


def url_of(path: Path) -> str:
    """The server that a configuration file names; empty when it names none."""
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return ""  # whoever needs its workspace says what is wrong with it
    url = config.get("penstock_url") if isinstance(config, dict) else None
    return url.rstrip("/") if isinstance(url, str) else ""


def runs_path(workspace: str) -> str:
    """The collection of a workspace's runs."""
    return f"ws/{segment(workspace)}/runs"


def _named(config: Any) -> str | None:
    if not isinstance(config, dict):
        return None
    if isinstance(name := config.get("workspace_name"), str) and name:
        return name
    scope = config.get("Scope")
    if isinstance(scope, str) and "/workspaces/" in scope:
        return scope.rstrip("/").rsplit("/", 1)[1] or None
    return None


def _is_config(path: Path, *, certain: bool) -> bool:
    """A bare config.json may be anyone's: it counts when it names a workspace."""
    if certain:
        return True
    try:
        return _named(json.loads(path.read_text(encoding="utf-8-sig"))) is not None
    except (OSError, ValueError):
        return False


def _only(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise NotThere("This server has no workspace yet. Make one with: penstock init --workspace NAME")
    raise Trouble(f"Which workspace? This server has {_listed(names)}. Choose with --workspace NAME.", BAD_USAGE)


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{n}'" for n in names) or "none"


def _kept_token(home: Path) -> str:
    try:
        return (home / "token").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
