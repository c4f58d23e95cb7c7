"""Every setting, its default and its meaning, in one table; read once at the edge, never again.

Reads the mapping it is given (the command line passes `os.environ`); knows nothing of what the settings do.
"""

from __future__ import annotations

import hashlib
import re
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
    Setting(
        "token",
        "",
        "The bearer token for a server reached over TCP; default: the home's own, or what penstock login kept.",
    ),
    Setting("password", "", "The secret for penstock login --service-principal; default: read from stdin."),
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
    Setting("retention_age", "", "Outputs that were last used longer ago are cleared away (30d, 12h); default: none."),
    Setting("retention_size", "", "Of all outputs the newest so many bytes are kept (500MB, 50GB); default: all."),
    Setting("retention_grace", "7d", "How long what was cleared away can be brought back: penstock gc --restore."),
    Setting("tmp", "/tmp", "Where sockets go when the home's path is too long for one."),
    Setting(
        "public_url", "", "What others call this server by, behind a proxy or a name: https://penstock.corp.example."
    ),
    Setting("tls_cert", "", "A PEM file with the certificate that the server shows over TCP, and those above it."),
    Setting("tls_key", "", "A PEM file with the certificate's key."),
    Setting("requests_a_minute", "0", "How often a principal may call within a minute; 0: as often as it likes."),
)


DAY_SECONDS = 86_400.0
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY_SECONDS, "w": 7 * DAY_SECONDS}
_BYTES = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000, "T": 1_000_000_000_000}


@dataclass(frozen=True)
class Retention:
    """What the janitor keeps of outputs, and how long what it cleared away can be brought back. None: no limit."""

    max_age_seconds: float | None = None
    max_bytes: int | None = None
    grace_seconds: float = 7 * DAY_SECONDS


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
    retention: Retention = field(default_factory=Retention)
    public_url: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    requests_a_minute: int = 0

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
            _retention(values),
            values["public_url"],
            values["tls_cert"],
            values["tls_key"],
            int(_number(values["requests_a_minute"], "PENSTOCK_REQUESTS_A_MINUTE", int, least=0)),
        )

    @property
    def database(self) -> Path:
        return self.home / "penstock.db"


def socket_dir(home: Path, tmp: str, user_id: int) -> Path:
    """Where the sockets of `home` are: inside it, or under `tmp` when its path is too long for a socket."""
    if len(str(home / "run").encode()) <= SOCKET_PATH_LIMIT:
        return home / "run"
    return Path(tmp) / f"penstock-{user_id}-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"


def _retention(values: Mapping[str, str]) -> Retention:
    age, size, grace = (values[f"retention_{name}"] for name in ("age", "size", "grace"))
    return Retention(
        duration(age, "PENSTOCK_RETENTION_AGE") if age else None,
        size_of(size, "PENSTOCK_RETENTION_SIZE") if size else None,
        duration(grace, "PENSTOCK_RETENTION_GRACE"),
    )


def duration(text: str, what: str) -> float:
    """Seconds that `text` means: 30d, 12h, 45m, 90s, 2w. ValueError names `what`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smhdw])", text.strip().lower())
    if found is None:
        raise ValueError(f"{what} is {text!r}, which is no time. Write a number with s, m, h, d or w, as in 30d.")
    return float(found[1]) * _SECONDS[found[2]]


def size_of(text: str, what: str) -> int:
    """Bytes that `text` means: 500MB, 50GB, 1.5TB, 1000. ValueError names `what`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)B?", text.strip().upper())
    if found is None:
        raise ValueError(
            f"{what} is {text!r}, which is no size. Write a number of bytes, or one with KB, MB, GB or TB."
        )
    return int(float(found[1]) * _BYTES[found[2]])


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
