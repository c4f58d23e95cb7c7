"""Whether the process that a user's program said it is still runs on this machine. Knows the node's way to tell processes apart."""

from __future__ import annotations

import json
import os
import platform

from penstock.node import identity


def may_live(owner: str) -> bool:
    """Whether the process may still be there; it counts as there when it cannot be seen from here."""
    known = json.loads(owner)
    if known["host"] != platform.node():
        return True
    if known["boot_id"] and known["boot_id"] == identity.boot_id() and known["space"] != _space():
        return True  # in a container, say
    return identity.is_alive(known["pid"], known["start_time"], known["boot_id"])


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
