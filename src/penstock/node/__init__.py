"""The node: starts steps on this host, and outlives whoever asked. Standard library only.

It knows the job folder (docs/job.md) and nothing else: no server, no database, no graph. Nothing here imports the rest of penstock, so
that the node stays a light process from which a stub is forked in a fraction of a millisecond.

The processes, each a child of the one before::

    node      one per host and home; forks a stub for every `start <job folder>` (node.py)
    stub      one per step; fences, prepares, waits, cleans up, digests, writes exit.json (stub.py)
    script    the user's code, started through the launcher (launcher.py) in the step's own interpreter

The server starts the node with `command(python, home, sockets)`. The command returns within milliseconds: 0 when the node listens or
another one already holds `<home>/node.lock`, 1 with a sentence on stderr otherwise. The node detaches by itself (own session, no
standard streams) and takes over the environment it was started with, which the steps inherit: start it with a scrubbed one.
It runs isolated (`-I`: no PYTHON* variables, no user site; `-S`: no site-packages), so nothing in the environment can weigh it down.

`messages.start` asks it to run a job folder; `identity` tells whether a process named in `started` or `running` still lives.
"""

from __future__ import annotations

import os

_HERE = os.path.dirname(os.path.abspath(__file__))

LAUNCHER = os.path.join(_HERE, "launcher.py")
"""The file that starts a Python script in the step's own interpreter: `argv` is `[python, LAUNCHER, script, …]`."""


def command(python: str | os.PathLike[str], home: str | os.PathLike[str], sockets: str | os.PathLike[str]) -> list[str]:
    """The argv that starts this host's node for `home`, listening in the folder `sockets` (both absolute). Safe to repeat."""
    main = os.path.join(_HERE, "__main__.py")
    flags = ["-I", "-S", "-X", "utf8"]
    return [os.fspath(python), *flags, main, "--sockets", os.fspath(sockets), "--home", os.fspath(home)]
