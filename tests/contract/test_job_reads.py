"""Contract 2, docs/job.md: what a script reads outside of its job is in `reads` of exit.json, or it says why it cannot be known."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node_driver import Server, running_server

from penstock.data.digests import Digests
from penstock.node import reads as reads_of_stub


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as one:
        yield one


@pytest.fixture
def rates(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "rates.csv"
    path.parent.mkdir()
    path.write_text("a,b\n1,2\n")
    os.mkfifo(f"{path}.fifo")
    return path


def row(path: Path) -> dict[str, str]:
    return {"kind": "file", "path": str(path), "digest": "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()}


def seen(end: dict[str, Any]) -> tuple[list[dict[str, str]], str | None]:
    assert end["error"] is None, end["error"]
    return end["reads"], end["reads_unknown"]


@pytest.mark.parametrize(
    "code",
    [
        "open({path!r}).read()",
        "open({path!r}, 'rb').read(); open({path!r}).read()",
        "import os; os.read(os.open({path!r}, os.O_RDONLY), 10)",
        "import pathlib; pathlib.Path({path!r}).read_text()",
        "import os; open(os.fsencode({path!r})).read()",
        "import os; open(os.path.relpath({path!r})).read()",
        "import os; os.chdir(os.path.dirname({path!r})); open('rates.csv').read()",
        "import os; os.symlink({path!r}, 'here.csv'); open('here.csv').read()",
        "import os; os.symlink(os.path.dirname({path!r}), 'here'); open('here/rates.csv').read(); os.unlink('here')",
        "import shutil; shutil.copyfile({path!r}, 'copy.csv')",
        "open({path!r}).read()\nimport sys; sys.exit(0)",
        "open({path!r}).read()\nimport os; os._exit(0)",
        "import os\npid = os.fork()\nif not pid:\n    open({path!r}).read()\n    os._exit(0)\nos.waitpid(pid, 0)",
        "import threading\nt = threading.Thread(target=lambda: open({path!r}).read())\nt.start()\nt.join()",
        "import csv\nwith open({path!r}, newline='') as f:\n    print(list(csv.reader(f)))",
        "import fileinput\nprint(list(fileinput.input([{path!r}])))",
    ],
)  # fmt: skip
def test_a_file_elsewhere_is_noted_however_it_is_opened(server: Server, rates: Path, code: str) -> None:
    _, end = server.run(code.format(path=str(rates)))
    assert seen(end) == ([row(rates)], None)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.listdir({path!r})",
        "import os; os.listdir(os.fsencode({path!r})); os.listdir({path!r} + '/')",
        "import os; list(os.scandir({path!r}))",
        "import glob; glob.glob({path!r} + '/*.csv')",
        "import pathlib; list(pathlib.Path({path!r}).iterdir())",
        "import os; list(os.walk({path!r}))",
        "import os; os.chdir({path!r}); os.listdir()",
        "import os; os.symlink({path!r}, 'here'); os.listdir('here')",
    ],
)
def test_a_folder_elsewhere_is_noted_with_its_names_however_it_is_listed(
    server: Server, tmp_path: Path, code: str
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("b.csv", "a.csv", "\udcff"):
        (folder / name).touch()
    _, end = server.run(code.format(path=str(folder)))
    wanted = "sha256:" + hashlib.sha256(b"a.csv\0b.csv\0\xff").hexdigest()
    assert seen(end) == ([{"kind": "listing", "path": str(folder), "digest": wanted}], None)
    assert Digests(tmp_path).names(str(folder)) == wanted and Digests(tmp_path).names(str(folder / "gone")) == ""


def test_listing_what_is_the_jobs_own_a_shared_temporary_folder_or_what_modules_lie_in_is_not_noted(
    server: Server, tmp_path: Path
) -> None:
    given, modules = tmp_path / "given", tmp_path / "modules"
    (given / "deep").mkdir(parents=True)
    modules.mkdir()
    (modules / "of_mine.py").touch()
    inputs = [{"name": "given", "mode": "mount", "source": str(given), "local": str(given)}]
    code = f"""
import os, sys, tempfile
os.listdir({str(given)!r}), list(os.walk({str(given)!r})), os.listdir("."), os.listdir(), os.listdir("/tmp"), os.listdir("/proc/self/fd")
with tempfile.TemporaryDirectory() as folder:
    os.listdir(folder)
sys.path.insert(0, {str(modules)!r})
import of_mine
"""
    _, end = server.run(code, inputs=inputs)
    assert seen(end) == ([row(modules / "of_mine.py")], None)


def test_a_folder_whose_names_change_after_the_script_listed_it_is_not_known(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    _, end = server.run(f"import os\nos.listdir({str(folder)!r})\nos.mkdir({str(folder / 'made')!r})")
    reads, unknown = seen(end)
    assert reads == [] and unknown == f"the folder {folder}, which it listed, changed while it ran"


def test_what_belongs_to_the_job_is_not_noted(server: Server, tmp_path: Path) -> None:
    given, copied, linked = tmp_path / "given", tmp_path / "copied.csv", tmp_path / "linked.csv"
    given.mkdir()
    for path in (given / "a.csv", copied, linked):
        path.write_text("x")
    output = server.output("model")
    place = server.jobs / "run.1" / "inputs"
    inputs = [
        {"name": "given", "mode": "mount", "source": str(given), "local": str(given)},
        {"name": "single", "mode": "mount", "source": str(linked), "local": str(linked)},
        {"name": "copied", "mode": "download", "source": str(copied), "local": str(place / "copied.csv")},
        {
            "name": "linked",
            "mode": "mount",
            "source": str(place / "linked"),
            "local": str(place / "linked"),
            "tree": [{"source": str(linked), "target": str(place / "linked" / "b.csv")}],
        },
    ]
    code = f"""
import json, os, sibling, tempfile, zoneinfo
for path in {[str(p) for p in (given / "a.csv", linked, copied, place / "copied.csv", place / "linked/b.csv")]} + ["sibling.py"]:
    open(path).read()
os.symlink("sibling.py", "again.py")
open({str(place / "linked/b.csv")!r}).read()
for folder in ({output["stage"]!r}, "outputs", "."):
    with open(os.path.join(folder, "made.txt"), "w") as file:
        file.write("x")
    open(os.path.join(folder, "made.txt")).read()
with tempfile.NamedTemporaryFile("w+") as file:
    file.write("x")
    file.flush()
    open(file.name).read()
open("/etc/hosts").read()
open("/proc/self/status").read()
zoneinfo.ZoneInfo("Europe/Berlin")
"""
    files: dict[str, str | bytes] = {"main.py": code, "sibling.py": ""}
    _, end = server.run(files, inputs=inputs, outputs=[output])
    assert seen(end) == ([], None)


@pytest.mark.parametrize(
    "code",
    [
        "open({path!r}, 'w').write('x')\nopen({path!r}).read()",
        "open({path!r}, 'x').write('x')\nopen({path!r}).read()",
        "open({path!r} + '.draft', 'w').write('x')\nimport os; os.rename({path!r} + '.draft', {path!r})\nopen({path!r}).read()",
        "import os; os.mkdir({path!r} + '.d'); open({path!r} + '.d/a', 'w').write('x')\n"
        "os.replace({path!r} + '.d', {path!r})\nopen({path!r} + '/a').read()",
        "import sqlite3\nc = sqlite3.connect({path!r})\nc.execute('create table t (x)')\nc.commit()\nc.close()\n"
        "print(sqlite3.connect({path!r}).execute('select * from t').fetchall())",
        "import os\nassert not os.path.exists({path!r})",
    ],
)
def test_what_the_script_made_itself_is_no_input(server: Server, rates: Path, code: str) -> None:
    _, end = server.run(code.format(path=str(rates.with_name("own.csv"))))
    assert seen(end) == ([], None)


def test_what_the_script_opened_in_vain_is_noted_until_it_is_there(server: Server, rates: Path) -> None:
    place = rates.with_name("own.csv")
    code = f"try:\n    open({str(place)!r})\nexcept FileNotFoundError:\n    pass\n"
    _, end = server.run(code)
    assert seen(end) == ([{"kind": "absent", "path": str(place), "digest": ""}], None)
    _, end = server.run(f"{code}import os\nos.system('echo x > {place}')", name="run.2")
    assert end["reads_unknown"] == f"{place}, which it looked for in vain, came while it ran"


def test_a_module_of_a_folder_that_the_script_adds_is_noted_by_its_source(server: Server, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "pricing.py").write_text("RATE = 3")
    code = f"import sys\nsys.path.append({str(shared)!r})\nimport pricing\nprint(pricing.RATE)"
    for name in ("run.1", "run.2"):  # the second time it is there compiled
        _, end = server.run(code, name=name, env={"PYTHONDONTWRITEBYTECODE": ""})
        assert seen(end) == ([row(shared / "pricing.py")], None)
    assert (shared / "__pycache__").exists()
    _, end = server.run("import pricing", name="run.3", env={"PYTHONPATH": str(shared)})
    assert seen(end) == ([], None)  # that is part of the environment's identity


def test_a_database_and_a_library_opened_natively_are_noted(server: Server, tmp_path: Path) -> None:
    import sqlite3

    database = tmp_path / "elsewhere.db"
    connection = sqlite3.connect(database)
    connection.execute("create table t (x)")
    connection.commit()
    connection.close()
    code = f"""
import ctypes, sqlite3
print(sqlite3.connect({str(database)!r}).execute("select * from t").fetchall())
try:
    ctypes.CDLL({str(database)!r})
except OSError:
    pass
"""
    _, end = server.run(code)
    assert seen(end) == ([row(database)], None)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("open({path!r}).read()\nopen({path!r}, 'a').write('more')", "{path}, which it read, changed while it ran"),
        ("import os\nopen({path!r}).read()\nos.unlink({path!r})", "{path}, which it read, is gone"),
        (
            "import os\nopen({path!r}).read()\nos.rename({path!r}, {path!r} + '.old')\nos.mkdir({path!r})",
            "{path}, which it read, is no plain file",
        ),
        ("import os\ns = os.stat({path!r})\nopen({path!r}, 'r+').write('A')\nos.utime({path!r}, ns=(s.st_atime_ns, s.st_mtime_ns))",
         "{path}, which it read, changed while it ran"),
        ("import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'print(1)'])", "no list was kept of the files it read"),
        ("import os\nos.link({path!r}, 'linked')\nopen('linked').read()", "{path}, which it read, changed while it ran"),
        (
            "import os\nos.open({path!r} + '.fifo', os.O_RDONLY | os.O_NONBLOCK)",
            "{path}.fifo, which it read, is no plain file",
        ),
    ],
)  # fmt: skip
def test_why_reads_cannot_be_known_is_said(server: Server, rates: Path, code: str, why: str) -> None:
    _, end = server.run(code.format(path=str(rates)))
    reads, unknown = seen(end)
    assert reads == []
    assert unknown is not None
    assert why.format(path=str(rates)) in unknown


def test_too_many_files_are_not_followed(server: Server, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for n in range(1001):
        (many / f"{n}").touch()
    _, end = server.run(
        f"import os\nfor n in os.listdir({str(many)!r}):\n    open(os.path.join({str(many)!r}, n)).read()"
    )
    reads, unknown = seen(end)
    assert reads == []
    assert "1,001 files" in str(unknown)


def test_names_with_newlines_are_kept(server: Server, tmp_path: Path) -> None:
    odd = tmp_path / "a\nb"
    odd.write_text("x")
    _, end = server.run(f"open({str(odd)!r}).read()")
    assert seen(end) == ([row(odd)], None)


def test_a_name_that_is_no_utf8_is_not_followed(server: Server, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path / "odd") + b"\xff"
    with open(odd, "w") as file:
        file.write("x")
    reads, unknown = seen(server.run(f"open({odd!r}).read()")[1])
    assert reads == []
    assert "is no UTF-8" in str(unknown)


def test_a_program_that_is_no_script_says_that_nothing_is_known(server: Server) -> None:
    _, end = server.run(None, argv=["/bin/true"], script=None)
    assert seen(end) == ([], "no list was kept of the files it read")


def test_a_script_that_fails_has_no_reads(server: Server, rates: Path) -> None:
    folder, end = server.run(f"open({str(rates)!r}).read()\nraise ValueError('no')")
    assert (end["reads"], end["reads_unknown"]) == ([], None)
    assert os.fsencode(rates) in (folder / "reads").read_bytes()


def test_a_folder_that_the_sdk_read_is_one_tree(server: Server, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "a.csv").write_text("a")
    (data / "sub/b.csv").symlink_to(data / "a.csv")
    digest = row(data / "a.csv")["digest"]
    lines = "".join(f"{name}\0{1}\0{digest}\n" for name in ("a.csv", "sub/b.csv"))
    tree = {"kind": "tree", "path": str(data), "digest": "sha256:" + hashlib.sha256(lines.encode()).hexdigest()}
    assert Digests(server.home).tree(data).digest == tree["digest"], "the server will look it up in this way"
    say = f"import sys\nsys.audit('azureml.read', {str(data)!r}, heard := []); assert heard\nopen({str(data / 'a.csv')!r}).read()\n"
    assert seen(server.run(say * 2)[1]) == ([tree], None)
    assert seen(
        server.run(say.replace("azureml.read", "azureml.known").replace("assert heard", ""), name="run.2")[1]
    ) == ([], None)
    _, end = server.run(say + f"open({str(data / 'sub/c.csv')!r}, 'w').close()", name="run.3")
    assert seen(end) == ([], f"the folder {data}, which it read, changed while it ran: 'sub/c.csv'")
    (data / "sub/more").symlink_to(data)
    _, end = server.run(say, name="run.4")
    assert seen(end) == ([], f"the folder {data}, which it read, holds 'sub/more', which is no plain file")


def test_what_is_new_in_a_temporary_folder_that_lies_in_another_is_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inner = tmp_path / "inner"
    inner.mkdir()
    for name in ("before", "new"):
        (inner / name).write_text("")
    monkeypatch.setattr(reads_of_stub, "TEMPORARY", (str(tmp_path),))
    noted = b"".join(f"{inner / name}\0001 2 {10**20} 4\0".encode() for name in ("before", "new"))
    (tmp_path / "reads").write_bytes(noted)
    there = {str(inner), str(inner / "before")}
    found, _, _ = reads_of_stub.found({}, {"TMPDIR": str(inner)}, time.time(), there)
    assert list(found) == [str(inner / "before")]


def test_a_list_that_is_cut_off_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reads").write_bytes(b"/data/a.csv\x001 2 3 4\x00/data/b")
    with pytest.raises(reads_of_stub.Unknown, match="cut off"):
        reads_of_stub.look({}, {}, 0.0, set())
