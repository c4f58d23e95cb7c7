"""The server's process: takes the home, opens the sockets, runs the loops and the application until it is told to stop or nobody needs it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import __version__, node
from penstock.compute.local import LocalCompute, LocalSettings
from penstock.data.digests import Digests
from penstock.data.snapshots import Snapshots
from penstock.data.tars import Uploads
from penstock.model.errors import CannotServe, PenstockError
from penstock.model.graph import RetryPolicy
from penstock.model.settings import SETTINGS, Settings
from penstock.node import identity
from penstock.server import crash, doors, shared
from penstock.server import home as homes
from penstock.service.care.background import Background
from penstock.service.care.janitor import Janitor, JanitorThread
from penstock.service.care.room import Room
from penstock.service.changes import Changes
from penstock.service.context import Context
from penstock.service.execution.inbox import Inbox
from penstock.service.execution.leader import Alone, Elected
from penstock.service.execution.loop import Loop, WakeSocket
from penstock.service.execution.scheduler import Scheduler
from penstock.service.notify.deliveries import Deliveries, DeliveriesThread
from penstock.service.reuse.interpreting import Interpreting
from penstock.service.schedule.automatic import Automatic
from penstock.service.services import Services
from penstock.store.database import open_database, shown
from penstock.store.leases import RELEASED
from penstock.store.postgresql import Listener

if TYPE_CHECKING:
    import uvicorn

IDLE_CHECK_SECONDS = 15.0
SENDERS = 4  # outputs that go to URLs at once
RESERVED_FILES = 200  # of the files this process may open: for the database, uploads and answers
GARBAGE_OBJECTS = (
    50_000  # made between two looks for cycles: a graph of thousands of steps is no reason to look through all there is
)
_HOW_TO_SERVE: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "http": "httptools",
    "ws": "none",
    "loop": "asyncio",
    "lifespan": "off",
    "server_header": False,
    "timeout_keep_alive": 120,
    "timeout_graceful_shutdown": 1,
}
# What a step inherits from the server; everything else of the author's shell stays out.
KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TZ",
    "TMPDIR",
    "SHELL",
    "TERM",
    "LD_LIBRARY_PATH",
    "XDG_RUNTIME_DIR",
    "JAVA_HOME",
)
KEPT_PREFIXES = (
    "LC_",
    "SSL_",
    "OPENBLAS_",
    "OMP_",
    "MKL_",
    "CUDA_",
    "NVIDIA_",
    "http",
    "https",
    "no_proxy",
    "HTTP",
    "NO_PROXY",
)


def serve(
    home: Path, *, embedded: bool, host: str | None, port: int | None, database: str | None, as_json: bool = False
) -> int:
    """Serve `home` until stopped; the exit status. Another server on the same home is left alone (status 0 when embedded)."""
    settings = Settings.from_environ(os.environ, str(home), os.getuid())
    _log_as_json()
    try:
        crash.arm(os.environ)
        url = database or settings.database_url
        named = shown(url) if url else None
        taken = homes.take(settings.home, settings.socket_dir, port)
        shared.keep_to(taken.path, named)
    except homes.AlreadyServed:
        if embedded:
            return 0
        way_out = "Replace an embedded server: penstock serve --take-over. Any other: penstock stop, then this again."
        print(f"{settings.home} is served already (penstock status). {way_out}", file=sys.stderr)
        return 1
    except PenstockError as error:
        print(error.message, file=sys.stderr)
        return 1
    try:
        return _Process(settings, taken, embedded, host or "127.0.0.1", url).run(as_json)
    except PenstockError as error:
        print(error.message, file=sys.stderr)
        return 1
    except OSError as error:
        known = Room(settings.home).noticed(error)
        if known is None:
            raise
        print(known.message, file=sys.stderr)
        return 1


class _Process:
    """One server process, from open sockets to the end."""

    def __init__(self, settings: Settings, home: homes.Home, embedded: bool, host: str, url: str) -> None:
        self._database_url = url
        self._settings, self._home, self._embedded, self._host = settings, home, embedded, host
        self._doors = doors.Doors.of(host, home.port, settings)
        self._url = self._doors.url
        self._socket_path = settings.socket_dir / "api.sock"
        self._touched_at = time.monotonic()
        self._room = Room(home.path)
        self._files: shared.Files | None = None

    def run(self, as_json: bool = False) -> int:
        self._room.prepare()  # before anything else is written: a full disk may leave no room to come up in
        tcp = _listen_tcp(self._host, self._home.port)
        unix = _listen_unix(self._socket_path)
        wake = WakeSocket(self._settings.socket_dir / "wake.sock")
        inbox = Inbox()
        context, elected = self._context(wake.wake)
        self._doors.check(context.database)
        janitor = JanitorThread(context, Janitor(context))
        webhooks = DeliveriesThread(context, Deliveries(context))
        scheduler = Scheduler(context, inbox)
        loop = Loop(context, scheduler, inbox, wake, lambda: self._point_here(elected, wake.path))
        if elected is None:
            scheduler.recover()
        loop.start()
        listener = elected and self._elect(elected, loop, context)
        janitor.start()
        webhooks.start()
        services = Services.build(context, inbox)
        automatic = Automatic(context, services)
        services.schedules.wake = automatic.wake
        self._is_wanted: Callable[[], bool] = lambda: (
            services.schedules.is_any_active() or services.pipelines.is_any_active()
        )
        automatic.start()
        self._write_record()
        try:
            server = self._make_server(services, loop)
            self._say_where(as_json)
            asyncio.run(self._serve(server, unix, tcp, loop))
        finally:
            janitor.stop()
            webhooks.stop()
            automatic.stop()
            loop.stop()
            if elected is not None:
                elected.stop()
            if listener is not None:
                listener.stop()
            wake.close()
            context.database.close()
            self._socket_path.unlink(missing_ok=True)
            wake.path.unlink(missing_ok=True)
        return 0

    def _say_where(self, as_json: bool) -> None:
        """Tell where a server in the foreground listens: for people, or as one JSON document."""
        facts = {"version": __version__, "home": str(self._home.path), "url": self._url}
        facts["socket"] = str(self._socket_path)
        if as_json:
            print(json.dumps({**facts, "pid": os.getpid()}), flush=True)
        elif not self._embedded:
            lines = f"  studio  {facts['url']}\n  socket  {facts['socket']}"
            print(f"Penstock {__version__} serves {facts['home']}\n{lines}", flush=True)

    async def _serve(self, server: uvicorn.Server, unix: socket.socket, tcp: socket.socket, loop: Loop) -> None:
        watch = asyncio.create_task(self._leave_when_idle(server, loop)) if self._embedded else None
        if self._tls_server is None:
            await server.serve(sockets=[unix, tcp])
        else:  # the socket speaks no TLS; whichever of the two hears a signal, both end
            both = [
                asyncio.create_task(server.serve(sockets=[unix])),
                asyncio.create_task(self._tls_server.serve(sockets=[tcp])),
            ]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            self._stop()
            await asyncio.gather(*both)
        if watch is not None:
            watch.cancel()

    async def _leave_when_idle(self, server: uvicorn.Server, loop: Loop) -> None:
        """End an embedded server that has had nothing to do for a while."""
        wait = min(IDLE_CHECK_SECONDS, self._settings.idle_seconds)
        while not server.should_exit:
            await asyncio.sleep(wait)
            if loop.is_busy or self._is_wanted():
                self._touch()
            if time.monotonic() - self._touched_at >= self._settings.idle_seconds:
                self._stop()

    def _make_server(self, services: Services, loop: Loop) -> uvicorn.Server:
        """The web server, not running yet. What it is made of is half of a start's time, and the steps under way need none of it:
        it is imported here, when the scheduler has taken them up."""
        import uvicorn

        from penstock.server.app import make_app
        from penstock.server.guard import Guard

        guarded = Guard(
            make_app(services, loop, self._stop),
            services,
            hosts=self._doors.hosts,
            strangers_look=self._doors.strangers_look,
            touched=self._touch,
            is_crowded=self._is_crowded,
            requests_a_minute=self._settings.requests_a_minute,
        )

        def server(**more: Any) -> uvicorn.Server:
            # A proxy on this machine says who called it. Where none is meant to be, nobody is believed.
            is_behind_proxy = bool(self._settings.public_url)
            return uvicorn.Server(uvicorn.Config(guarded, **_HOW_TO_SERVE, **more, proxy_headers=is_behind_proxy))

        gc.freeze()  # what is there by now stays, and a little that need not: looking for that is a twentieth of a start
        gc.set_threshold(GARBAGE_OBJECTS, 20, 20)
        gc.enable()
        self._server = server()
        self._tls_server = server(**self._doors.tls) if self._doors.tls else None
        return self._server

    def _stop(self) -> None:
        for server in self._servers():
            server.should_exit = True

    def _servers(self) -> list[uvicorn.Server]:
        return [s for s in (self._server, self._tls_server) if s is not None]

    def _is_crowded(self) -> bool:
        """Whether so many connections are open that files could no longer be opened for them."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        most = limit - RESERVED_FILES if limit >= 2 * RESERVED_FILES else limit // 2
        return sum(len(s.server_state.connections) for s in self._servers()) > most

    def _touch(self) -> None:
        self._touched_at = time.monotonic()

    def _elect(self, elected: Elected, loop: Loop, context: Context) -> Listener | None:
        """Begin to stand for leader, and to hear what other servers commit."""
        elected.start()

        def heard(lines: list[str], session: int) -> None:
            if RELEASED in lines:
                elected.nudge()
            loop.hear(lines, session)

        return context.database.listen(heard)

    def _point_here(self, elected: Elected | None, wake: Path) -> None:
        if elected is not None and self._files is not None:
            shared.point_to_leader(self._files, self._socket_path, wake)

    def _context(self, wake: Callable[[], None]) -> tuple[Context, Elected | None]:
        url = self._database_url
        database = open_database(url or self._settings.database)
        leader: Elected | None = None
        if url:
            files = shared.files_of(database, shown(url), self._home, self._settings.tmp)
            leader = Elected(database, shared.this_server(self._home.id), wake)
            self._room = self._room if files.path == self._home.path else Room(files.path)
        else:
            files = shared.Files(self._home.path, self._settings.socket_dir, self._home.key)
        self._files = files
        path = files.path
        settings = LocalSettings(
            home=path,
            sockets=files.sockets,
            python=sys.executable,
            # Whoever runs servers on a shared database starts them: the URL, with its secrets, is in no job folder.
            # Nor does a stub bring back a server that somebody runs in the foreground: it would be another, an embedded one.
            server_argv=() if url or not self._embedded else (sys.executable, "-m", "penstock", "serve", "--embedded"),
            server_env={**_kept(), **_set(), "PENSTOCK_HOME": str(path)},
            environment=_kept(),
            wake=shared.LEADER_WAKE if url else "wake.sock",
            cgroups=self._settings.cgroups,
        )
        compute = LocalCompute(settings)
        threading.Thread(
            target=compute.wake_node, name="wake-node", daemon=True
        ).start()  # a submit does it again if need be
        digests = Digests(path)
        interpreting = Interpreting(path, digests, _kept())
        context = Context(
            home=path,
            database=database,
            compute=compute,
            changes=Changes(),
            snapshots=Snapshots(path),
            uploads=Uploads(path),
            url=self._url,
            socket=str(files.sockets / shared.LEADER_SOCKET if url else self._socket_path),
            key=files.key,
            embedded=self._embedded,
            slots=self._settings.slots or len(os.sched_getaffinity(0)),
            python=sys.executable,
            launcher=str(Path(node.__file__).with_name("launcher.py")),
            node_id=self._home.id,
            wake=wake,
            environment=_kept(),
            retry=RetryPolicy(self._settings.retries, self._settings.retry_backoff_seconds),
            retention=self._settings.retention,
            room=self._room,
            leader=leader or Alone(),
            background=Background(),
            senders=Background(SENDERS),
            digests=digests,
            token=self._home.token,
            webhook_hosts=self._settings.webhook_hosts,
            identify=interpreting.identify,
            compare_environments=interpreting.compare,
        )
        return context, leader

    def _write_record(self) -> None:
        record = {
            "pid": os.getpid(),
            "start_time": identity.process_start_time(os.getpid()),
            "boot_id": identity.boot_id(),
            "version": __version__,
            "protocol": 1,
            "embedded": self._embedded,
            "socket": str(self._socket_path),
            "url": self._url,
            "python": sys.executable,
            "argv": [sys.executable, "-m", "penstock", "serve", "--embedded"],
        }
        homes.write_whole(self._home.path / "server.json", json.dumps(record, indent=1))


def _kept() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(KEPT_PREFIXES)}
    if any(name.lower() in ("http_proxy", "https_proxy") for name in kept):
        for name in ("no_proxy", "NO_PROXY"):  # a step reaches this server by no proxy
            hosts = [h.strip() for h in kept.get(name, "").split(",") if h.strip()]
            kept[name] = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))
    return kept


def _set() -> dict[str, str]:
    """The settings that a server started by a stub must have too."""
    handed_on = (
        "slots",
        "idle_seconds",
        "retries",
        "retry_backoff_seconds",
        "tmp",
        "cgroups",
        "webhook_hosts",
        "public_url",
        "tls_cert",
        "tls_key",
        "requests_a_minute",
    )
    names = [s.variable for s in SETTINGS if s.name in handed_on]
    return {name: os.environ[name] for name in names if name in os.environ}


def _listen_tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets have it too. asyncio would set it, but not on those of a listener made without naming the protocol, and the
    # second piece of an answer then waits 40 ms for the caller's word on the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise CannotServe(
            f"Port {port} of {host} is taken ({error.strerror}). This home keeps its port because saved endpoints name it: "
            "end what uses it, or choose another for good: penstock serve --port N"
        ) from error
    listener.listen(256)
    listener.set_inheritable(False)
    return listener


def _listen_unix(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    os.chmod(path, 0o600)
    listener.listen(256)
    return listener


class _JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": record.created,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _log_as_json() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
