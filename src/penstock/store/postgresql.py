"""What is PostgreSQL's own: its URL, its sessions, whose turn it is to write, and telling other servers what was committed.

Knows connections and sessions; knows no table. psycopg is imported at first use.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from penstock.model.errors import CannotServe, DatabaseAway, NoSpace

CHANNEL = "penstock"
PAYLOAD_BYTES = 7900  # PostgreSQL takes 8000
STALLED_SECONDS = (
    5  # a session that leaves its transaction idle for so long is ended by PostgreSQL: its process is paused or cut off
)
_MIGRATING_SECONDS = 600
_KEYS = 0x50454E53  # "PENS": the advisory locks of Penstock in this database
_WRITING, _MIGRATING = 1, 2
_RETRIED = ("40001", "40P01")  # serialisation failure, deadlock
_STALLED = "25P03"  # ended while it was idle in its transaction
_LOST = ("57P01", "57P02", "57P03", "08")  # the server went down or the connection with it
_FULL = "53100"  # a disk of the database's machine is full
_SAYS_FULL = (
    "No space left on device"  # what a server says that the full disk has brought down, or keeps from coming up
)
_TURN = text(f"SELECT pg_advisory_xact_lock({_KEYS}, {_WRITING})")
_TURN_UNFLUSHED = text(
    f"SELECT pg_advisory_xact_lock({_KEYS}, {_WRITING}), set_config('synchronous_commit', 'off', true)"
)
_TELL = text("SELECT pg_notify(:channel, :payload)")


def parse(given: str) -> URL:
    """The URL of a PostgreSQL database; CannotServe when it is none. Never shows what was given: it may hold a password."""
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise CannotServe(
            "The database URL cannot be read (it is not shown: it may hold a password). "
            "Write it as postgresql://user:password@host:5432/name, with special characters of the password %-encoded."
        ) from None
    if url.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise CannotServe(
            f"A database of kind '{url.drivername}' cannot be used. Give a PostgreSQL URL (postgresql://user@host/name), "
            "or leave it out to use SQLite in the home."
        )
    return url.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """The database's name for people: where it is and what it is called, without user, password and options."""
    query = url.query.get("host")
    host = url.host or (query if isinstance(query, str) else ",".join(query or ())) or "localhost"
    port = f":{url.port}" if url.port not in (None, 5432) else ""
    return f"postgresql://{host}{port}/{url.database or url.username or 'postgres'}"


def make_engine(url: URL) -> Engine:
    """Sessions that notice a dead peer within seconds. CannotServe names the command that installs a missing driver."""
    alive: dict[str, Any] = {
        "connect_timeout": 10,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "application_name": "penstock",
    }
    try:
        engine = create_engine(
            url,
            connect_args={k: v for k, v in alive.items() if k not in url.query},
            pool_size=8,
            max_overflow=24,
            pool_pre_ping=True,
        )
    except ImportError as error:
        raise CannotServe(
            f"The database {shown(url)}: PostgreSQL's driver is not installed here ({error}). "
            "pip install 'penstock[postgres]', or leave the database out to use SQLite in the home."
        ) from error

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.autocommit = True
        connection.execute(f"SET idle_in_transaction_session_timeout = '{STALLED_SECONDS}s'")
        connection.execute("SET lock_timeout = '30s'")
        connection.autocommit = False

    return engine


def take_turn(connection: Connection, is_flushed: bool) -> None:
    """Wait until no other transaction of any server writes; the turn ends with this transaction, once others can see it.

    So works run one after another as they do on SQLite, and events become visible in the order of their ids.
    """
    connection.execute(_TURN if is_flushed else _TURN_UNFLUSHED)


def session_of(connection: Connection) -> int:
    """The number of this session, as others see it in what it tells."""
    driver: Any = connection.connection.driver_connection
    return int(driver.info.backend_pid)


def is_over(connection: Connection) -> bool:
    """Whether the session has ended under a connection that does not know it yet."""
    if connection.invalidated:
        return False
    driver: Any = connection.connection.driver_connection
    return bool(driver.closed)


def wait_to_migrate(connection: Connection) -> None:
    """Wait until no other server migrates. What a migration does between its statements, and how long one takes over large tables, is not
    held to the limits of a server's short transactions."""
    connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_MIGRATING_SECONDS}s'"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{_MIGRATING_SECONDS}s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_KEYS}, {_MIGRATING})"))


def may_retry(error: DBAPIError, is_committing: bool) -> bool:
    """Whether the same work may be done again: nothing of it was kept, and the cause passes."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if state == _STALLED:
        return True
    if is_committing and (error.connection_invalidated or state.startswith(_LOST)):
        return False  # perhaps it was committed
    return error.connection_invalidated or state in _RETRIED or state.startswith(_LOST)


def told(error: Exception, url: URL) -> Exception:
    """NoSpace for a database whose disk is full, DatabaseAway for one that does not answer; any other error as it is."""
    if not isinstance(error, DBAPIError):
        return error
    state = getattr(error.orig, "sqlstate", None)
    said = (str(error.orig).strip() or "it broke off").splitlines()[0]
    is_away = isinstance(error, OperationalError) and (state is None or state.startswith(_LOST))
    found: DatabaseAway | NoSpace
    if state == _FULL or _SAYS_FULL in str(error.orig):
        found = NoSpace(
            f"The disk of the database {shown(url)} is full: {said}. Free some space there; the server goes on by itself.",
            target=shown(url),
        )
    elif is_away or error.connection_invalidated:
        found = DatabaseAway(
            f"The database {shown(url)} does not answer: {said}. Start it, or mend the way to it; the server goes on by itself.",
            target=shown(url),
        )
    else:
        return error
    found.__cause__ = error
    return found


def tell(connection: Connection, facts: Iterable[str]) -> None:
    """Have every listening server hear these lines once the transaction is committed; never when it is not."""
    for payload in _payloads(dict.fromkeys(facts)):
        connection.execute(_TELL, {"channel": CHANNEL, "payload": payload})


def _payloads(lines: Iterable[str]) -> Iterable[str]:
    size, chunk = 0, list[str]()
    for line in lines:
        if chunk and size + len(line) + 1 > PAYLOAD_BYTES:
            yield "\n".join(chunk)
            size, chunk = 0, []
        chunk.append(line)
        size += len(line.encode()) + 1
    if chunk:
        yield "\n".join(chunk)


class Listener(threading.Thread):
    """Hears what other sessions tell. `heard(lines, session)` gets each message with the sender's session number.

    `heard([], 0)` says that something may have been missed: at the start, and after the connection was lost.
    """

    RETRY_SECONDS = 1.0

    def __init__(self, url: URL, heard: Callable[[list[str], int], None]) -> None:
        super().__init__(name="listener", daemon=True)
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._heard = heard
        self._stopping = threading.Event()
        self.is_listening = threading.Event()

    def run(self) -> None:
        import psycopg

        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=10) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._heard([], 0)
                    self.is_listening.set()
                    self._listen(connection)
            except psycopg.Error:
                self._stopping.wait(self.RETRY_SECONDS)

    def stop(self) -> None:
        self._stopping.set()
        self.join(timeout=2)

    def _listen(self, connection: Any) -> None:
        while not self._stopping.is_set():
            for message in connection.notifies(timeout=0.5):
                self._heard(message.payload.split("\n"), message.pid)
                if self._stopping.is_set():
                    return
