"""What a store promises to several writers at once: threads of one server on both databases, several servers on PostgreSQL."""

import os
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from sqlalchemy import text

from penstock.model.errors import CannotServe
from penstock.model.status import Status
from penstock.service.execution import journal
from penstock.service.execution.leader import Elected, NotLeader
from penstock.store import catalog, history, leases, postgresql, records, runs
from penstock.store import database as opening
from penstock.store.database import open_database

WORKSPACE = {"name": "ws", "id": "w", "subscription_id": "", "resource_group": "", "location": "", "tags": {}}
RUN = {"workspace": "ws", "experiment": "e", "type": "step", "name": "r", "root_id": "root", "attempt": 0, "unmet": 0}


ON_POSTGRESQL = pytest.mark.slow


@pytest.fixture(params=["sqlite", *(pytest.param(name, marks=ON_POSTGRESQL) for name in ("postgresql", "two servers"))])
def databases(request):
    """Two databases to write to; they are one, seen by one server or by two."""
    if request.param == "sqlite":
        first = second = open_database(request.getfixturevalue("sqlite_path"))
    else:
        url = request.getfixturevalue("postgresql_store")
        first = open_database(url)
        second = first if request.param == "postgresql" else open_database(url)
    first.write(lambda c: catalog.add_workspace(c, {**WORKSPACE, "default_datastore": "d", "created_at": 1.0}))
    yield first, second
    for database in {first, second}:
        database.close()


@pytest.fixture
def shared(postgresql_store):
    """Two servers' views of one PostgreSQL database."""
    pair = open_database(postgresql_store), open_database(postgresql_store)
    pair[0].write(lambda c: catalog.add_workspace(c, {**WORKSPACE, "default_datastore": "d", "created_at": 1.0}))
    yield pair
    for database in pair:
        database.close()


def add_runs(database, names, **more):
    rows = [{**RUN, "id": n, "status": str(Status.NOT_STARTED), "created_at": 1.0, **more} for n in names]
    database.write(lambda c: runs.insert_runs(c, rows))


def at_once(*works):
    """What each gave, run in threads of their own."""
    answers, errors = [None] * len(works), []

    def run(n):
        try:
            answers[n] = works[n]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return answers


def test_of_eight_movers_of_the_same_runs_each_run_has_one(databases):
    names = [f"r{n}" for n in range(40)]
    add_runs(databases[0], names)

    def mover(database):
        won = 0
        for name in names:
            move = runs.Move(name, Status.NOT_STARTED, Status.QUEUED, 0, next_attempt=1, at=2.0)

            def work(connection, move=move):
                done = runs.move(connection, [move])
                history.append(connection, [history.Event(m.run_id, "root", 2.0, "queued") for m in done])
                return len(done)

            won += database.write(work, redoable=True)
        return won

    assert sum(at_once(*(lambda d=databases[n % 2]: mover(d) for n in range(8)))) == len(names)
    with databases[1].read() as connection:
        assert sorted(e["run_id"] for e in history.of_root(connection, "root")) == sorted(names)


def test_who_reads_on_after_the_last_event_misses_none(databases):
    """An event must not become visible after one with a greater id that was read already."""
    n_writers, n_each, seen = 6, 40, []
    writing = [n_writers]

    def writer(database, n):
        for i in range(n_each):
            event = history.Event(f"w{n}", "root", float(i), "note")
            database.write(lambda c, e=event: history.append(c, [e, e]), redoable=bool(i % 2))
        writing[0] -= 1

    def reader():
        after, is_last = 0, False
        while not is_last:
            is_last = writing[0] == 0
            with databases[0].read() as connection:
                found = history.of_root(connection, "root", after)
            seen.extend(e["id"] for e in found)
            after = seen[-1] if seen else 0

    at_once(reader, *(lambda n=n: writer(databases[n % 2], n) for n in range(n_writers)))
    assert len(seen) == len(set(seen)) == n_writers * n_each * 2


def test_a_journal_that_two_read_at_once_is_recorded_once(databases, tmp_path):
    add_runs(databases[0], ["r"], status=str(Status.RUNNING))
    folder = tmp_path / "jobs" / "r.1"
    folder.mkdir(parents=True)
    run = {"id": "r", "root_id": "root", "attempt": 1}
    for n in range(20):
        with open(folder / "journal", "a") as out:
            out.write('{"op": "metric", "name": "m", "kind": "scalar", "value": %d, "at": 1.0}\n' % n)

        works = [lambda d=d: d.write(lambda c: journal.ingest(c, tmp_path, "r.1", run, 1.0)) for d in databases * 2]
        at_once(*works)
    with databases[0].read() as connection:
        assert [m["value"] for m in records.metrics(connection, "r")] == list(range(20))


def test_versions_given_at_once_are_all_different(databases):
    row = {"workspace": "ws", "name": "m", "tags": {}, "properties": {}, "entry": "m", "path": "p", "size_bytes": 1}
    works = [lambda d=d: d.write(lambda c: catalog.add_model(c, {**row, "created_at": 1.0})) for d in databases * 4]
    assert sorted(at_once(*works)) == list(range(1, 9))


def test_a_reader_sees_one_moment_whatever_is_committed_meanwhile(databases):
    add_runs(databases[0], ["a"])
    with databases[1].read() as connection:
        before = len(runs.runs_of_root(connection, "root"))
        add_runs(databases[0], ["b"])
        assert len(runs.runs_of_root(connection, "root")) == before
    with databases[1].read() as connection:
        assert len(runs.runs_of_root(connection, "root")) == before + 1


def test_names_are_listed_in_the_order_of_their_bytes_and_sizes_have_no_end(databases):
    names = ["b", "B", "a", "_", "é", "Z"]
    rows = [{"run_id": "r", "name": n, "attempt": 1, "path": "p", "size_bytes": 5 << 40} for n in names]
    databases[0].write(lambda c: records.put_artifacts(c, rows))
    with databases[1].read() as connection:
        found = records.artifacts(connection, "r")
    assert [a["name"] for a in found] == sorted(names, key=str.encode)
    assert {a["size_bytes"] for a in found} == {5 << 40}


# PostgreSQL alone ----------------------------------------------------------------------------------------------------


@ON_POSTGRESQL
def test_servers_that_start_at_once_on_an_empty_database_make_it_once(postgresql_url):
    code = "import sys; from penstock.store.database import open_database; open_database(sys.argv[1]).close()"
    argv = [sys.executable, "-c", code, postgresql_url]
    started = [subprocess.Popen(argv, stderr=subprocess.PIPE) for _ in range(4)]
    assert [(p.communicate(timeout=60)[1], p.returncode) for p in started] == [(b"", 0)] * 4
    open_database(postgresql_url).close()


@ON_POSTGRESQL
def test_a_migration_is_not_held_to_the_limits_of_short_transactions(postgresql_url, monkeypatch):
    seen = []
    names = ("idle_in_transaction_session_timeout", "lock_timeout")

    def limits(connection):
        return [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]

    upgrade = opening._upgrade
    monkeypatch.setattr(opening, "_upgrade", lambda connection: (seen.append(limits(connection)), upgrade(connection)))
    opened = open_database(postgresql_url)
    with opened.read() as connection:
        seen.append(limits(connection))
    opened.close()
    assert seen == [["10min", "10min"], ["5s", "30s"]]


@ON_POSTGRESQL
def test_a_work_whose_session_is_lost_before_the_commit_is_done_again_and_kept_once(shared):
    add_runs(shared[0], ["r"])
    tries = []

    def work(connection):
        history.append(connection, [history.Event("r", "root", 1.0, "note")])
        tries.append(postgresql.session_of(connection))
        if len(tries) == 1:
            with psycopg.connect(_plain(shared[0]), autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", tries)
        history.append(connection, [history.Event("r", "root", 2.0, "note")])
        return len(tries)

    assert shared[0].write(work) == 2
    with shared[1].read() as connection:
        assert len(history.of_root(connection, "root")) == 2


@ON_POSTGRESQL
def test_what_is_committed_is_heard_by_the_others_and_what_is_not_never_is(shared):
    heard, missed = [], threading.Event()
    own = []
    listeners = [
        shared[1].listen(lambda lines, _: heard.extend(lines) if lines else missed.set()),
        shared[0].listen(lambda lines, _: own.extend(lines)),
    ]
    try:
        for listener in listeners:
            assert listener.is_listening.wait(10)
        assert missed.is_set(), "at its start a listener says that something may have been missed"

        def broken(connection):
            history.append(connection, [history.Event("never", "root", 1.0, "note")])
            raise RuntimeError

        with pytest.raises(RuntimeError):
            shared[0].write(broken)
        many = [history.Event(f"run-{n:040d}", "root", 1.0, "note") for n in range(2000)]
        shared[0].write(lambda c: history.append(c, many))
        until = time.monotonic() + 10
        while len(heard) < len(many) and time.monotonic() < until:
            time.sleep(0.01)
        assert heard == [f"note {e.run_id} root" for e in many]
        assert own == [], "what a server tells, it knows"
    finally:
        for listener in listeners:
            listener.stop()


def servers(shared):
    return [Elected(d, leases.Server(f"s{n}", "h", "m"), lambda: None) for n, d in enumerate(shared)]


@ON_POSTGRESQL
def test_of_two_servers_one_leads_and_the_other_when_it_gives_up(shared):
    first, second = servers(shared)
    first._beat()
    second._beat()
    assert (first.term, second.term) == (1, None)
    first.check()
    with pytest.raises(NotLeader):
        second.check()
    with pytest.raises(NotLeader):
        shared[1].write(second.fence)
    first._stopping = True
    first.start()
    first.stop()
    second._beat()
    assert (first.term, second.term) == (None, 2)
    with pytest.raises(NotLeader):
        shared[0].write(first.fence)


@ON_POSTGRESQL
def test_a_leader_paused_inside_its_transaction_cannot_commit_it_after_another_took_over(shared):
    """The paused one holds the lease's row: PostgreSQL ends its session, so that the other is not kept waiting for ever."""
    add_runs(shared[0], ["r"])
    first, second = servers(shared)
    first._beat()
    is_paused, is_over = threading.Event(), threading.Event()

    def work(connection):
        first.fence(connection)
        history.append(connection, [history.Event("r", "root", 1.0, "late")])
        if not is_paused.is_set():
            is_paused.set()
            assert is_over.wait(60)

    failed = []

    def paused():
        try:
            shared[0].write(work)
        except NotLeader as error:
            failed.append(error)

    thread = threading.Thread(target=paused)
    thread.start()
    is_paused.wait(10)
    with psycopg.connect(_plain(shared[1])) as connection:
        connection.execute("SET lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("UPDATE lease SET term = term + 1")
    until = time.monotonic() + 60
    while second.term is None and time.monotonic() < until:
        second._beat()  # waits for the row, then for the lease's end
        time.sleep(0.05)
    assert second.term == 2
    is_over.set()
    thread.join(30)
    assert len(failed) == 1
    with shared[1].read() as connection:
        assert history.of_root(connection, "root") == []


@ON_POSTGRESQL
def test_a_lease_that_nobody_took_is_renewed_however_late(shared):
    first, _ = servers(shared)
    first._beat()
    shared[1].write(lambda c: c.execute(text("UPDATE lease SET until = 0")))
    first._beat()
    assert first.term == 1


def test_without_the_driver_the_error_names_the_command_that_installs_it():
    code = """
import sys
sys.modules["psycopg"] = None
from penstock.model.errors import CannotServe
from penstock.store.database import open_database
try:
    open_database("postgresql://u:topsecret@h/d")
except CannotServe as error:
    print(error.message)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert "pip install 'penstock[postgres]'" in said.stdout and "postgresql://h/d" in said.stdout
    assert "topsecret" not in said.stdout + said.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:topsecret@h/d", "kind 'mysql'"),
        ("postgresql://u:topsecret@h:port/d", "cannot be read"),
        ("topsecret", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_used_says_why_without_showing_it(url, says):
    with pytest.raises(CannotServe, match=says) as caught:
        open_database(url)
    assert "topsecret" not in caught.value.message


def _plain(database):
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)
