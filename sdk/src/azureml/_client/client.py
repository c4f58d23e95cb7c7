"""Calls to one Penstock server: JSON, files, tars and NDJSON streams over a Unix socket or TCP.

Knows docs/graph.md and which calls may be repeated. Keeps one connection a thread; a fork makes its own.
"""

import http.client
import json
import os
import re
import select
import socket
import threading
import time
from urllib.parse import quote, urlencode, urlsplit

from azureml._client import SDK_VERSION
from azureml._client.errors import ServerLostError, ServerNotFoundError, refusal
from azureml._client.home import home_path, server_record

PROTOCOL = "1"
ANSWER_SECONDS = 300.0
CONNECT_SECONDS = 10.0
_REPEATABLE = frozenset(("GET", "HEAD", "PUT", "DELETE"))
# POSTs that leave the same when they come twice. Others may be repeated when their body says that they are the same call: with a `key`.
_REPEATABLE_POSTS = re.compile(
    r"/(snapshots|blobs|uploads|plan|datasets|datasets/register|environments/[^/]+|runs/[^/]+/(cancel|complete)"
    r"|datastores/[^/]+/(pull|push))$"
)
_PAUSES = (0, 0.05, 0.2, 1.0, None)  # seconds before each repetition: a server that was killed may take a call with it


def segment(text):
    """`text` as one segment of a path."""
    return quote(str(text), safe="")


def tail(name):
    """`name` as the last segments of a path: its slashes stay."""
    return quote(str(name), safe="/")


class _Closing:
    """Closes a connection that is forgotten: with its thread, its client or its process."""

    def __del__(self):
        try:
            self.close()
        except Exception:  # the interpreter may be half gone
            pass


class TcpConnection(_Closing, http.client.HTTPConnection):
    """HTTP over TCP."""


class TlsConnection(_Closing, http.client.HTTPSConnection):
    """HTTPS."""


class UnixConnection(_Closing, http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout):
        http.client.HTTPConnection.__init__(self, "localhost", timeout=timeout)
        self._path = path

    def connect(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            raise
        self.sock = sock


class Client:
    """`url` None: PENSTOCK_URL, else the home's embedded server, which is started when it does not answer. `auth` signs every call."""

    def __init__(self, url=None, auth=None):
        self._given = url or os.environ.get("PENSTOCK_URL") or None
        self._auth = auth
        self.home = home_path()
        self._local = threading.local()
        self._server = None
        self._is_version_checked = False

    @property
    def is_remote(self):
        """Whether the server is reached over TCP: then who calls must show a token."""
        return bool(self._given) and not self._given.startswith("unix://")

    @property
    def address(self):
        """What this server is called by whoever configured it: its URL, or the home of the embedded one."""
        return self._given or self.home

    @property
    def url(self):
        """The server's address for people and browsers: http://127.0.0.1:<port>."""
        return self.server()["url"]

    def server(self):
        """What GET server says, asked once."""
        if self._server is None:
            self._server = self.call("GET", "/server")
        return self._server

    # --- calls ------------------------------------------------------------------------------------------------------

    def call(self, method, path, body=None, query=None, error=None):
        """The parsed JSON of an answer. `path` starts with a slash, below /api/v1; `error` is the class for a 4xx."""
        return self.call_for_status(method, path, body, query, error)[1]

    def call_for_status(self, method, path, body=None, query=None, error=None):
        """(status, parsed JSON): for whom it matters whether something was made (201) or was there (200)."""
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode("utf-8")
            headers["Content-Type"] = "application/json"
        is_keyed = isinstance(body, dict) and bool(body.get("key") or body.get("idempotency_key"))
        status, content = self._answer(method, path, query, data, headers, is_keyed or None, _whole)
        if status >= 400:
            raise refusal(status, _parsed(content), error)
        return status, _parsed(content) if content else None

    def get_file(self, path, target, query=None, error=None):
        """Writes the bytes of an answer to the binary file object `target`; how many there were."""
        answer = self._answer("GET", path, query, None, {})
        if answer.status >= 400:
            raise refusal(answer.status, _parsed(answer.read()), error)
        size, promised = 0, answer.length
        while True:
            piece = answer.read(1 << 20)
            if not piece:
                if promised is not None and size < promised:
                    raise ServerLostError("{} broke off after {} of {} bytes. Try again.".format(path, size, promised))
                return size
            target.write(piece)
            size += len(piece)

    def put_file(self, path, source, size, error=None):
        """PUTs `size` bytes of the binary file object `source`."""
        from azureml._client.sending import pieces

        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        first = source.tell() if size and source.seekable() else None

        def data():
            if first is not None:
                source.seek(first)
            return pieces(source, size) if size else b""

        status, content = self._answer("PUT", path, None, data, headers, first is not None or not size, _whole)
        if status >= 400:
            raise refusal(status, _parsed(content), error)
        return _parsed(content) if content else None

    def upload_tar(self, path, entries, error=None):
        """POSTs a tar of `entries`, (name in the tar, path of a local file), without holding it in memory."""
        from azureml._client.tars import tar_bytes

        headers = {"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}
        status, content = self._answer("POST", path, None, lambda: tar_bytes(entries), headers, None, _whole)
        if status >= 400:
            raise refusal(status, _parsed(content), error)
        return _parsed(content) if content else None

    def post_plain(self, target, data, headers):
        """(status, parsed JSON) of a call outside of the API that shows no token: the way to get one."""
        connection = self._connect(ANSWER_SECONDS)
        try:
            connection.request("POST", target, data, headers)
            answer = connection.getresponse()
            return answer.status, _parsed(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise ServerLostError(
                "The connection to the Penstock server broke while signing in: {}. Try again.".format(
                    error or type(error).__name__
                )
            ) from error
        finally:
            connection.close()

    def stream(self, path, query=None, timeout=60.0):
        """Yields the parsed lines of an NDJSON answer on a connection of its own. OSError when it breaks or falls silent.

        TimeoutError (socket.timeout before 3.10) after `timeout` seconds without a line.
        """
        _tell("GET", path)
        connection = self._connect(timeout)
        try:
            connection.request("GET", _target(path, query), headers=self._headers({}))
            answer = connection.getresponse()
            if answer.status >= 400:
                raise refusal(answer.status, _parsed(answer.read()))
            for line in answer:
                if line.strip():
                    yield json.loads(line)
        except http.client.HTTPException as error:
            raise ConnectionResetError("The stream broke: {}".format(error)) from None
        finally:
            connection.close()

    # --- connections ------------------------------------------------------------------------------------------------

    def _answer(self, method, path, query, data, headers, repeat=None, take=lambda answer: answer):
        """What `take` makes of the answer. A stale connection is made anew; a call is repeated only if it may be.

        `data` may be a function that gives what is sent, for each try.
        """
        _tell(method, path)
        if repeat is None:
            repeat = method in _REPEATABLE or (method == "POST" and bool(_REPEATABLE_POSTS.search(path)))
        target = _target(path, query)
        headers = self._headers(headers)
        for pause in _PAUSES:
            connection = self._kept()
            try:
                sent = data() if callable(data) else data
                connection.request(method, target, sent, headers, encode_chunked="Transfer-Encoding" in headers)
                return take(connection.getresponse())
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if pause is None or not repeat or isinstance(error, socket.timeout):
                    raise ServerLostError(
                        "The connection to the Penstock server broke during {} {}: {}. Look whether the call took effect, "
                        "then try again.".format(method, path, error or type(error).__name__)
                    ) from error
                time.sleep(pause)
            except BaseException:
                self._drop()  # what was to be sent was sent in part: nothing else can follow on this connection
                raise
        raise AssertionError("unreachable")

    def _headers(self, headers):
        headers["X-Penstock-Protocol"] = PROTOCOL
        if self.is_remote or self._auth is not None:
            shown = self._signer()._token_to_show(self)
            if shown:
                headers["Authorization"] = "Bearer " + shown.token
        return headers

    def token(self):
        """The token that calls to this server over TCP carry; None when there is none."""
        found = self._signer()._access_token(self)
        return found.token if found else None

    def _signer(self):
        if self._auth is None:
            from azureml.core.authentication import AbstractAuthentication

            self._auth = AbstractAuthentication()
        return self._auth

    def _kept(self):
        """This thread's connection, alive as far as can be told without sending."""
        kept = getattr(self._local, "connection", None)
        if kept is not None:
            connection, pid = kept
            if pid == os.getpid() and connection.sock is not None and not _has_hung_up(connection.sock):
                return connection
            if pid == os.getpid():
                connection.close()
        connection = self._connect(ANSWER_SECONDS)
        self._local.connection = (connection, os.getpid())
        return connection

    def _drop(self):
        kept = getattr(self._local, "connection", None)
        self._local.connection = None
        if kept is not None:
            kept[0].close()

    def close(self):
        """Closes this thread's connection; the next call makes another."""
        self._drop()

    def _connect(self, timeout):
        """A connected connection; the embedded server is started when nobody answers."""
        if not self._given:
            return self._connect_embedded(timeout)
        try:
            return self._connect_to(self._given, timeout)
        except OSError as error:
            if self._is_own_server():
                return self._connect_embedded(timeout)
            if type(error).__name__ == "SSLCertVerificationError":
                raise ServerNotFoundError(_untrusted(self._given, error)) from None
            raise ServerNotFoundError(
                "No Penstock server answers at {} ({}): {}. Start it with `penstock serve`, or {}.".format(
                    self._given, *_named_by(self._given, error)
                )
            ) from None

    def _is_own_server(self):
        """Whether PENSTOCK_URL is the socket of the home's embedded server, as it is in a step: then we may start it."""
        return self._given.startswith("unix://") and server_record(self.home).get("socket") == self._given[7:]

    def _connect_embedded(self, timeout):
        from azureml._client.start import ensure_server

        home = self.home
        record = server_record(home)
        path = record.get("socket")
        for _ in range(3):
            if path:
                connection = UnixConnection(path, timeout)
                try:
                    connection.connect()
                    if not self._replaced(record, connection):
                        return connection
                except OSError:
                    pass
                connection.close()
            path = ensure_server(home)
            record = {}
        raise ServerNotFoundError(
            "The Penstock server of {} was started but left at once. See {}.".format(
                home, os.path.join(home, "logs", "server.log")
            )
        )

    def _replaced(self, record, connection):
        """Whether the server was older and idle, and has left. Asked once a client."""
        if self._is_version_checked or record.get("version") == SDK_VERSION or "PENSTOCK_JOB" in os.environ:
            return False
        self._is_version_checked = True
        from azureml._client.upgrade import replace_older

        return replace_older(record, connection, self.home)

    def _connect_to(self, url, timeout):
        if url.startswith("unix://"):
            connection = UnixConnection(url[7:], timeout)
        else:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ServerNotFoundError(
                    "PENSTOCK_URL is {!r}, which is no server's address. Set it to http://HOST:PORT or unix:///PATH.".format(
                        url
                    )
                )
            kind = TlsConnection if parts.scheme == "https" else TcpConnection
            connection = kind(parts.hostname, parts.port, timeout=CONNECT_SECONDS)
        connection.connect()
        connection.sock.settimeout(timeout)
        return connection


def _whole(answer):
    """(status, body)"""
    return answer.status, answer.read()


def _tell(method, path):
    """In a step: what is asked for may be something that its result depends on."""
    if "PENSTOCK_JOB" in os.environ:
        from azureml._runs.observed import called

        called(method, path)


def _target(path, query):
    given = []
    for name, value in (query or {}).items():
        if value is not None:
            given.append((name, int(value) if isinstance(value, bool) else value))
    return "/api/v1" + path + ("?" + urlencode(given) if given else "")


def _parsed(content):
    try:
        return json.loads(content.decode("utf-8"))
    except ValueError:
        return None


def _has_hung_up(sock):
    """Whether the other side closed an idle connection (there is nothing else to read on one)."""
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _untrusted(url, error):
    return (
        "The certificate of {} is not trusted: {}. Check the address; where its authority is your own, name that: "
        "export SSL_CERT_FILE=/path/to/ca.pem".format(url, error.verify_message)
    )


def _named_by(url, error):
    """Who named this server, the error, and how to name none."""
    if os.environ.get("PENSTOCK_URL") == url:
        return "PENSTOCK_URL", error, "unset PENSTOCK_URL"
    return "penstock_url in config.json", error, "take penstock_url out"


_shared = {}


def shared(url=None, auth=None):
    """This process's client of the server that the environment names now, else of `url`, else of the home's; `auth` signs its calls."""
    given = os.environ.get("PENSTOCK_URL") or url
    key = (given, home_path())
    kept = _shared if auth is None else auth._clients
    kept[key] = client = kept.pop(key, None) or Client(given, auth)  # the last one asked for is the last
    return client


def configured(auth):
    """The client for whoever names no workspace: of PENSTOCK_URL, else of the nearest config.json's server, else of the home's."""
    from azureml._client.config import nearest_url

    return shared(None if os.environ.get("PENSTOCK_URL") else nearest_url(), auth)
