"""The files that have the user's own service manager keep a server: a systemd unit, a launchd agent. Pure: text in, text out.

Knows what Penstock needs of either: that steps live on when their server stops, and that a step killed for its memory takes
nothing else with it.
"""

from __future__ import annotations

import hashlib
import plistlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kept:
    """A server to be kept: what starts it, whose home it serves, and the settings it is given."""

    python: str
    home: Path
    default_home: Path
    settings: Mapping[str, str]

    @property
    def name(self) -> str:
        """`penstock`, and for another home than the default one, a mark of it."""
        if self.home == self.default_home:
            return "penstock"
        return f"penstock-{hashlib.sha256(str(self.home).encode()).hexdigest()[:8]}"

    @property
    def argv(self) -> tuple[str, ...]:
        return (self.python, "-m", "penstock", "serve", "--embedded", "--take-over", "--home", str(self.home))

    @property
    def environment(self) -> dict[str, str]:
        """It never leaves by itself; steps find it as they find an embedded server."""
        return {**self.settings, "PENSTOCK_HOME": str(self.home), "PENSTOCK_IDLE_SECONDS": "inf"}


def systemd_unit(kept: Kept) -> str:
    """A unit for `systemctl --user`."""
    variables = "\n".join(f"Environment={_quoted(f'{k}={v}')}" for k, v in sorted(kept.environment.items()))
    return f"""\
[Unit]
Description=Penstock, the server of {_plain(str(kept.home))}
StartLimitIntervalSec=60
StartLimitBurst=10

[Service]
Type=exec
ExecStart={" ".join(_quoted(a, is_command=True) for a in kept.argv)}
{variables}
Restart=always
RestartSec=2
# Steps run on while their server is stopped or replaced: only the server itself is signaled,
KillMode=process
# and one that needs more memory than there is is killed alone.
OOMPolicy=continue
Delegate=yes
TasksMax=infinity
TimeoutStopSec=30

[Install]
WantedBy=default.target
"""


def launchd_agent(kept: Kept) -> bytes:
    """A property list for ~/Library/LaunchAgents."""
    log = str(kept.home / "logs" / "server.log")
    agent = {
        "Label": label(kept),
        "ProgramArguments": list(kept.argv),
        "EnvironmentVariables": kept.environment,
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 2,
        "AbandonProcessGroup": True,  # steps run on while their server is stopped or replaced
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    return plistlib.dumps(agent)


def label(kept: Kept) -> str:
    """How launchd calls it."""
    return f"io.{kept.name.replace('-', '.')}.server"


def _quoted(text: str, *, is_command: bool = False) -> str:
    """One word of a unit file, whatever is in it: systemd expands % everywhere, and $ in commands."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if is_command else escaped}"'


def _plain(text: str) -> str:
    return text.replace("%", "%%")
