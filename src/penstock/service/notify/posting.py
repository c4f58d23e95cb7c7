"""One signed POST to somebody else's address: resolved once, refused when it lies inside, connected to as it was resolved.

Knows HTTP and the form of standardwebhooks.com; must not know what is posted, or when it is tried again.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from penstock.model.errors import BadRequest

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
SECRET_PREFIX = "whsec_"


@dataclass(frozen=True)
class Answer:
    """What came of a POST: the HTTP status, 0 when there was none, and a sentence."""

    status: int
    text: str

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


class Refused(Exception):
    """The address may not be posted to; says which and why."""


class Poster:
    """Posts to public addresses over HTTPS, and to whatever else `allowed` names: hosts, or networks as 10.0.0.0/8."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._hosts = frozenset(a.lower() for a in allowed if not _network(a))
        self._networks = tuple(n for a in allowed if (n := _network(a)))

    def checked(self, url: str) -> str:
        """`url`, if it may be posted to as far as can be told now. BadRequest says what is wrong with it."""
        parts = _parts(url)
        try:
            self._resolve(parts)
        except (Refused, OSError) as error:
            raise BadRequest(_sentence(url, error), target="url") from None
        return url

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """What came of it. Redirects are not followed."""
        parts = _parts(url)
        try:
            family, address = self._resolve(parts)
        except (Refused, OSError) as error:
            return Answer(0, _sentence(url, error))
        connection = _Pinned(parts, family, address)
        watch = threading.Timer(TOTAL_SECONDS, connection.cut)
        watch.daemon = True
        watch.start()
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, {**headers, "Content-Type": "application/json"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, f"{parts.hostname} did not answer: {str(error) or type(error).__name__}.")
        finally:
            watch.cancel()
            connection.close()
        return Answer(status, f"{parts.hostname} answered with status {status}." + _REDIRECTED * (300 <= status < 400))

    def _resolve(self, parts: SplitResult) -> tuple[socket.AddressFamily, tuple[str, int]]:
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(f[4][0]).partition("%")[0]) for f in found]
        is_named = host.lower() in self._hosts
        inside = [a for a in addresses if not (is_named or _is_public(a) or any(a in n for n in self._networks))]
        if inside:
            raise Refused(f"{host} is the internal address {inside[0]}")
        is_allowed = is_named or all(any(a in n for n in self._networks) for a in addresses)
        if parts.scheme != "https" and not is_allowed:
            raise Refused("it is not https, and what is sent could be read on the way")
        return found[0][0], (str(found[0][4][0]), port)


class _Pinned(http.client.HTTPConnection):
    """A connection to the very address that was checked, whatever its name resolves to by now."""

    def __init__(self, parts: SplitResult, family: socket.AddressFamily, address: tuple[str, int]) -> None:
        super().__init__(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._family, self._address = family, address
        self._context = ssl.create_default_context() if parts.scheme == "https" else None
        if parts.scheme == "https":
            self.default_port = 443

    def connect(self) -> None:
        self.sock = socket.socket(self._family, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock.connect(self._address)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(TOTAL_SECONDS)

    def cut(self) -> None:
        """End it now, from another thread."""
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


def signed(secret: str, message_id: str, at: float, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows who sent this, and when: of standardwebhooks.com."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    stamp = str(int(at))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode("ascii"),
    }


_REDIRECTED = " Redirects are not followed: register the address it leads to."


def _parts(url: str) -> SplitResult:
    wrong = BadRequest(
        f"The URL {url!r} cannot be posted to. Give https://host/path, without a user or password in it.", target="url"
    )
    if any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise wrong
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or port == 0:
        raise wrong
    return parts


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return bool(address.is_global and not address.is_multicast and (inner is None or _is_public(inner)))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _sentence(url: str, error: Exception) -> str:
    if isinstance(error, Refused):
        return f"{url} is not posted to: {error}. Whoever runs the server may allow its host: PENSTOCK_WEBHOOK_HOSTS"
    why = getattr(error, "strerror", None) or error
    return f"The host of {url} is not found: {why}. Check the address."
