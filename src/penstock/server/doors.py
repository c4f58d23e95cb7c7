"""Where a server listens for others: its address, the names it answers to, its certificate, and whether strangers may look.

Knows settings and names; must not know who asks.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from penstock.model.errors import CannotServe
from penstock.model.settings import Settings
from penstock.store import principals
from penstock.store.database import Database

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ANYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Doors:
    """How one server is reached over TCP."""

    host: str
    url: str
    hosts: frozenset[str]
    """What a Host header may be: DNS names that others point at this machine are not among them."""
    strangers_look: bool
    """On a machine of one's own whoever is there may look at runs without a token."""
    tls: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, host: str, port: int, settings: Settings) -> Doors:
        """CannotServe when the settings do not fit each other."""
        tls = _tls(settings)
        scheme, usual = ("https", 443) if tls else ("http", 80)
        named = _bracketed(socket.gethostname() if host in ANYWHERE else host)
        url = _public(settings.public_url) or f"{scheme}://{named}:{port}"
        names = {_bracketed(n) for n in (named, "127.0.0.1", "localhost", "::1")}
        if host in ANYWHERE:
            names |= {_bracketed(n) for n in _own_names()}
        hosts = {f"{n}:{port}" for n in names} | (names if port == usual else set())
        if settings.public_url:
            hosts |= _spellings(url)
        is_alone = host in LOOPBACK and not settings.public_url
        return cls(host, url, frozenset(h.lower() for h in hosts), is_alone, tls)

    def check(self, database: Database) -> None:
        """CannotServe when others could reach this server and none could sign in."""
        if self.strangers_look:
            return
        with database.read() as connection:
            if principals.exists(connection):
                return
        raise CannotServe(
            f"{self.url} can be reached by others, and nobody but the owner of this home could sign in. "
            "Make a principal first: penstock principal create NAME --role contributor --workspace NAME"
        )


def _public(url: str) -> str:
    if not url:
        return ""
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.path not in ("", "/")
        or "@" in parts.netloc
    ):
        raise CannotServe(f"PENSTOCK_PUBLIC_URL is {url!r}. Set it to https://HOST[:PORT], without a path.")
    return f"{parts.scheme}://{parts.netloc}"


def _spellings(url: str) -> set[str]:
    """The Host headers that a URL leads to."""
    parts = urlsplit(url)
    usual = 443 if parts.scheme == "https" else 80
    host = _bracketed(parts.hostname or "")
    return {parts.netloc, f"{host}:{parts.port or usual}"} | ({host} if parts.port in (None, usual) else set())


def _tls(settings: Settings) -> dict[str, Any]:
    certificate, key = settings.tls_cert, settings.tls_key
    if not certificate and not key:
        return {}
    if not certificate or not key:
        raise CannotServe(
            "TLS takes both PENSTOCK_TLS_CERT and PENSTOCK_TLS_KEY, the paths of two PEM files. Set both, or neither."
        )
    for name, path in (("PENSTOCK_TLS_CERT", certificate), ("PENSTOCK_TLS_KEY", key)):
        if not Path(path).is_file():
            raise CannotServe(f"{name} is {path}, and there is no such file. Name a PEM file.")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CannotServe(
            f"The certificate {certificate} and the key {key} cannot be used: {error}. Name two PEM files that fit."
        ) from None
    return {"ssl_certfile": certificate, "ssl_keyfile": key}


def _own_names() -> set[str]:
    """This machine's names and addresses, as far as it knows them."""
    names = {socket.gethostname(), socket.getfqdn()}
    try:
        names |= {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the address that others see
            names.add(str(probe.getsockname()[0]))
        except OSError:
            pass
    return names


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
