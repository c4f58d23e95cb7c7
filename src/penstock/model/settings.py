"""Every setting, its default and its meaning, in one table; read once at the edge, never again.

Reads the mapping it is given (the command line passes `os.environ`); knows nothing of what the settings do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SOCKET_PATH_LIMIT = 90  # sun_path holds 108 bytes; the longest name we add is "/node.sock"


@dataclass(frozen=True)
class Setting:
    """One setting: the environment variable is `PENSTOCK_` + the name in capitals."""

    name: str
    default: str
    help: str

    @property
    def variable(self) -> str:
        return "PENSTOCK_" + self.name.upper()


SETTINGS = (
    Setting("home", "~/.penstock", "The folder that holds everything: database, jobs, snapshots, datastores, logs."),
    Setting("database", "", "A PostgreSQL database in place of the home's own SQLite: postgresql://user@host/name."),
    Setting("url", "", "A server to use in place of the embedded one (http://host:port or unix:///path)."),
    Setting("python", "", "The interpreter that runs the embedded server, when it is not the one in use."),
    Setting("token", "", "The bearer token for a server reached over TCP; default: the home's token file."),
    Setting("slots", "", "Steps that run at once on this machine; default: the cores this process may use."),
    Setting("idle_seconds", "1800", "An embedded server with nothing to do leaves after so many seconds."),
    Setting("retries", "2", "How often a step that was lost before its script began is tried again."),
    Setting(
        "retry_backoff_seconds", "1", "How long it waits before the first of these tries; twice as long after each."
    ),
    Setting("cgroups", "", "1: steps run in control groups of their own where this machine allows that; 10 ms a step."),
    Setting(
        "webhook_hosts", "", "Hosts and networks inside that webhooks may be sent to: hooks.corp.example,10.1.0.0/16."
    ),
    Setting("tmp", "/tmp", "Where sockets go when the home's path is too long for one."),
)


@dataclass(frozen=True)
class Settings:
    """The settings in force. Paths are absolute."""

    home: Path
    socket_dir: Path
    slots: int | None
    idle_seconds: float
    retries: int = 2
    retry_backoff_seconds: float = 1.0
    database_url: str = field(default="", repr=False)
    tmp: str = "/tmp"
    cgroups: bool = False
    webhook_hosts: tuple[str, ...] = ()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], home: str | None = None, user_id: int = 0) -> Settings:
        """Settings from `environ`; ValueError names the variable that cannot be read."""
        values = {s.name: environ.get(s.variable) or s.default for s in SETTINGS}
        root = Path(home or values["home"]).expanduser().absolute()
        slots = _number(values["slots"], "PENSTOCK_SLOTS", int) if values["slots"] else None
        idle = _number(values["idle_seconds"], "PENSTOCK_IDLE_SECONDS", float)
        return cls(
            root,
            socket_dir(root, values["tmp"], user_id),
            int(slots) if slots else None,
            float(idle),
            int(_number(values["retries"], "PENSTOCK_RETRIES", int, least=0)),
            _number(values["retry_backoff_seconds"], "PENSTOCK_RETRY_BACKOFF_SECONDS", float, least=0),
            values["database"],
            values["tmp"],
            _switch(values["cgroups"], "PENSTOCK_CGROUPS"),
            tuple(h.strip() for h in values["webhook_hosts"].split(",") if h.strip()),
        )

    @property
    def database(self) -> Path:
        return self.home / "penstock.db"


def socket_dir(home: Path, tmp: str, user_id: int) -> Path:
    """Where the sockets of `home` are: inside it, or under `tmp` when its path is too long for a socket."""
    if len(str(home / "run").encode()) <= SOCKET_PATH_LIMIT:
        return home / "run"
    return Path(tmp) / f"penstock-{user_id}-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"


def _switch(text: str, variable: str) -> bool:
    if text not in ("", "0", "1"):
        raise ValueError(f"{variable} is {text!r}; it must be 1 or 0. Set it so, or unset it.")
    return text == "1"


def _number(text: str, variable: str, kind: type[int] | type[float], least: int | None = None) -> float:
    """The number that `text` is: positive, or at least `least`."""
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(f"{variable} is {text!r}, which is not a number. Set it to one, or unset it.") from None
    if least is not None and value < least:
        raise ValueError(f"{variable} is {text!r}; it must be {least} or more. Set it so, or unset it.")
    if least is None and value <= 0:
        raise ValueError(f"{variable} is {text!r}; it must be positive. Set it to a positive number, or unset it.")
    return value
