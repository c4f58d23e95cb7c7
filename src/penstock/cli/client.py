"""A small client of the HTTP API: JSON calls and NDJSON streams over a Unix socket or TCP.

Knows docs/graph.md. Raises `Trouble` with the server's own sentence; never prints.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from penstock.cli.trouble import FAILED, NoServer, NotThere, Trouble

PROTOCOL = "1"
SILENCE_SECONDS = 60.0
"""How long a server may say nothing; a stream sends pings far more often."""

Query = Mapping[str, str | int | None]


@dataclass(frozen=True)
class Address:
    """Where a server listens: a Unix socket's path, or a host and a port."""

    socket_path: str | None = None
    host: str = ""
    port: int = 0
    is_tls: bool = False

    @classmethod
    def parse(cls, url: str) -> Address:
        """The address `url` names (unix:///path, http://host:port); NoServer when it is neither."""
        if url.startswith("unix://"):
            return cls(socket_path=url.removeprefix("unix://"))
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Trouble(
                f"'{url}' is no server's address. Set PENSTOCK_URL (or penstock_url in config.json) to http://HOST:PORT or unix:///PATH.",
                2,
            )
        is_tls = parts.scheme == "https"
        return cls(host=parts.hostname, port=port or (443 if is_tls else 80), is_tls=is_tls)

    def __str__(self) -> str:
        if self.socket_path:
            return self.socket_path
        return f"{'https' if self.is_tls else 'http'}://{self.host}:{self.port}"


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SILENCE_SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self.path)
        except OSError:
            self.sock.close()
            raise


class Client:
    """Calls to one server. One connection a call: a command makes few."""

    def __init__(self, address: Address, token: str | None = None) -> None:
        self.address = address
        self._headers = {"X-Penstock-Protocol": PROTOCOL, "Accept": "application/json"}
        if token and address.socket_path is None:
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, query: Query | None = None) -> Any:
        return self._json("GET", path, query)

    def put(self, path: str, body: Any) -> Any:
        return self._json("PUT", path, None, body)

    def post(self, path: str, body: Any) -> Any:
        return self._json("POST", path, None, body)

    def post_form(self, path: str, fields: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The status and the parsed answer to a form, refusals included: how tokens are asked for. Shows none."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        with closing(self._connection()) as connection:
            try:
                connection.request("POST", path, urlencode(fields), headers)
                answer = connection.getresponse()
                said = json.loads(answer.read() or b"{}")
            except (OSError, http.client.HTTPException) as error:
                raise self._absent(error) from error
            except ValueError:
                said = {}
        return answer.status, said if isinstance(said, dict) else {}

    def delete(self, path: str) -> Any:
        return self._json("DELETE", path, None)

    def text(self, path: str, query: Query | None = None) -> str:
        """A file's bytes as text; what is not UTF-8 is replaced."""
        with self._answer("GET", path, query) as answer:
            return answer.read().decode("utf-8", "replace")

    def stream(self, path: str, query: Query | None = None) -> Generator[dict[str, Any], None, None]:
        """The parsed lines of an NDJSON answer, as they come."""
        with self._answer("GET", path, query) as answer:
            for line in answer:
                if line.strip():
                    yield json.loads(line)

    def health(self) -> dict[str, Any] | None:
        """What the server says of its own health, ill or well; None when nobody answers."""
        try:
            with self._answer("GET", "/healthz", None, allowed=503) as answer:
                said = json.loads(answer.read())
        except Untrusted:
            raise
        except (Trouble, OSError, ValueError, http.client.HTTPException):
            return None
        return said if isinstance(said, dict) and "pid" in said else None

    def answers(self) -> bool:
        """Whether a Penstock server answers there."""
        return self.health() is not None

    def pages(self, path: str, query: Query) -> Iterator[dict[str, Any]]:
        """Every item of a collection, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, {**query, "cursor": cursor})
            yield from page["value"]
            cursor = page.get("next")
            if cursor is None:
                return

    def _json(self, method: str, path: str, query: Query | None, body: Any = None) -> Any:
        with self._answer(method, path, query, body) as answer:
            data = answer.read()
        return json.loads(data) if data else None

    @contextmanager
    def _answer(
        self, method: str, path: str, query: Query | None, body: Any = None, *, allowed: int = 0
    ) -> Iterator[http.client.HTTPResponse]:
        """The server's answer, its connection closed afterwards."""
        target = path if path.startswith("/") else f"/api/v1/{path}"
        given = {k: v for k, v in (query or {}).items() if v is not None}
        headers = dict(self._headers)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        with closing(self._connection()) as connection:
            try:
                connection.request(method, target + ("?" + urlencode(given) if given else ""), data, headers)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self._absent(error) from error
            with answer:
                if answer.status >= 400 and answer.status != allowed:
                    raise _refusal(answer)
                yield answer

    def _absent(self, error: Exception) -> NoServer:
        """Why nobody answered."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return Untrusted(
                f"The certificate of {self.address} is not trusted: {error.verify_message}. Check the address; where its "
                "authority is your own, name that: export SSL_CERT_FILE=/path/to/ca.pem"
            )
        return NoServer(f"No Penstock server answers at {self.address}: {error}. {HOW_TO_START}")

    def _connection(self) -> http.client.HTTPConnection:
        at = self.address
        if at.socket_path is not None:
            return UnixConnection(at.socket_path)
        kind = http.client.HTTPSConnection if at.is_tls else http.client.HTTPConnection
        return kind(at.host, at.port, timeout=SILENCE_SECONDS)


class Untrusted(NoServer):
    """Somebody answers who does not prove to be the one that was asked for."""


HOW_TO_START = "Start one with: penstock serve"


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


def _refusal(answer: http.client.HTTPResponse) -> Trouble:
    """The server's error, as it said it."""
    data = answer.read()
    try:
        body = json.loads(data)
        error = body["error"]
        message, details = str(error["message"]), error.get("details") or []
    except (ValueError, KeyError, TypeError):
        return Trouble(f"The server answered with status {answer.status} and no explanation. See its log.", FAILED)
    if answer.status == 404:
        return NotThere(message, body)
    more = tuple(str(d.get("message", "")) for d in details if d.get("message") != message)
    return Trouble(message, FAILED, code=str(error.get("code", "")), more=more, body=body)
