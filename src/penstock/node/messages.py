"""The datagrams between server, node and stub. None is needed for correctness: each may be lost or repeated.

`start <job folder>` and `ping` go to the node, `running <name>` and `exit <name>` to the server's wake socket.
"""

from __future__ import annotations

import os
import socket

NODE_SOCKET = "node.sock"
_SEND_SECONDS = 5.0
"""How long a full queue is waited for: a reader that stands still this long has other troubles."""


class Voice:
    """A socket to speak through, made once and used often."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(_SEND_SECONDS)

    def say(self, path: str | os.PathLike[str], text: str) -> None:
        """Sends one datagram. FileNotFoundError or ConnectionRefusedError when nobody listens, TimeoutError when nobody reads."""
        self._socket.sendto(os.fsencode(text), os.fspath(path))

    def close(self) -> None:
        self._socket.close()


def send(path: str | os.PathLike[str], text: str) -> None:
    """Says one thing, as Voice.say."""
    voice = Voice()
    try:
        voice.say(path, text)
    finally:
        voice.close()


def start(sockets: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """Asks this host's node to run the job folder. FileNotFoundError or ConnectionRefusedError when there is no node."""
    send(os.path.join(sockets, NODE_SOCKET), "start " + os.path.abspath(folder))


def ping(sockets: str | os.PathLike[str]) -> None:
    """Returns when a node listens there; raises as `start` does."""
    send(os.path.join(sockets, NODE_SOCKET), "ping")
