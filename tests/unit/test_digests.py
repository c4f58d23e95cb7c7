"""Digests of trees and files: by content alone, equal to those of stubs, and never of before."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.data import digests as under_test
from penstock.data import hashing
from penstock.data.digests import STAGING, Digests, Skip, Tree
from penstock.model.errors import CannotDigest
from penstock.node.digests import digest_files, tree_digest

LATER = 4_000_000_000 * 1_000_000_000  # a moment at which every file has been at rest for long


def digests(folder: Path, now: int = LATER) -> Digests:
    return Digests(folder / "home", lambda: now)


def let_a_tick_pass(folder: Path) -> None:
    """Returns once the clock that stamps files is past the stamps of all before: `LATER` promised that."""
    clock = folder / "clock"
    clock.touch()
    first = clock.stat().st_ctime_ns
    while clock.stat().st_ctime_ns == first:
        clock.touch()


def as_a_stub_does(root: Path) -> str:
    files = [os.path.relpath(os.path.join(base, f), root) for base, _, names in os.walk(root) for f in names]
    return tree_digest(digest_files(str(root), files, [os.path.getsize(root / f) for f in files]))


def fill(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return fill(tmp_path / "tree", {"a.txt": b"a", "a/b": b"b", "a-b/c": b"c" * 5000, "z": b""})


names = st.text(st.sampled_from("ab/-.é\n \udcff\udc80"), min_size=1, max_size=6).filter(
    lambda n: not any(p in ("", ".", "..") for p in n.split("/"))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(names, st.binary(max_size=20), max_size=8))
def test_a_tree_has_the_digest_that_a_stub_writes(tmp_path: Path, files: dict[str, bytes]) -> None:
    root = tmp_path / "tree"
    shutil.rmtree(tmp_path)
    root.mkdir(parents=True)
    for name, content in files.items():
        try:
            fill(root, {name: content})
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            continue  # this name is a folder of another
    known = digests(tmp_path)
    assert known.tree(root).digest == known.tree(root).digest == as_a_stub_does(root)


def test_what_a_tree_holds(tree: Path, tmp_path: Path) -> None:
    found = digests(tmp_path).tree(tree)
    assert (found.kind, found.n_files, found.size_bytes) == ("directory", 4, 5002)
    one = digests(tmp_path).tree(tree / "a.txt")
    assert one == Tree("file", "sha256:" + hashlib.sha256(b"a").hexdigest(), 1, 1)
    assert digests(tmp_path).file(tree / "a.txt") == one.digest
    assert digests(tmp_path).tree(tree / "none") == Tree("missing", "", 0, 0)
    assert digests(tmp_path).tree(tree / "z" / "none").kind == "missing"


def test_a_list_of_files_has_the_digest_of_a_folder_with_them(tree: Path, tmp_path: Path) -> None:
    (tree / "b\nc").write_bytes(b"n")
    files = [(os.path.relpath(os.path.join(b, f), tree), os.path.join(b, f)) for b, _, fs in os.walk(tree) for f in fs]
    known = digests(tmp_path)
    random.Random(1).shuffle(files)
    assert known.listed(files) == known.tree(tree) == known.listed(iter(files))
    (tree / "a/b").write_bytes(b"B")
    assert known.listed(files) == known.tree(tree)
    with pytest.raises(CannotDigest, match="is a folder"):
        known.listed([("x", tree / "a")])


def edits() -> dict[str, object]:
    def same_size_and_mtime(path: Path) -> None:
        before = path.stat()
        path.write_bytes(b"d" * 5000)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def replaced(path: Path) -> None:
        before = path.stat()
        other = path.with_name("other")
        other.write_bytes(b"d" * 5000)
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.replace(other, path)

    def by_a_link(path: Path) -> None:
        other = path.parent.parent.parent / "elsewhere"
        other.write_bytes(b"d" * 5000)
        path.unlink()
        path.symlink_to(other)

    return {
        "edited": lambda p: p.write_bytes(b"c" * 4999 + b"d"),
        "mtime put back": same_size_and_mtime,
        "replaced": replaced,
        "replaced by a link": by_a_link,
        "truncated": lambda p: os.truncate(p, 10),
        "deleted": lambda p: p.unlink(),
        "another beside it": lambda p: p.with_name("new").write_bytes(b""),
        "renamed": lambda p: p.rename(p.with_name("d")),
    }


@pytest.mark.parametrize("edit", edits().items(), ids=lambda e: e[0])
@pytest.mark.parametrize("afresh", [False, True], ids=["in memory", "from disk"])
@pytest.mark.parametrize("many", [0, 40], ids=["small", "kept"])
def test_every_edit_is_seen(tree: Path, tmp_path: Path, edit: tuple, afresh: bool, many: int) -> None:
    fill(tree, {f"more/{n}": b"%d" % n for n in range(many)})
    known = digests(tmp_path)
    before = known.tree(tree)
    let_a_tick_pass(tmp_path)
    edit[1](tree / "a-b/c")
    after = (digests(tmp_path) if afresh else known).tree(tree)
    assert after != before
    assert after == Digests(tmp_path / "another", lambda: LATER).tree(tree)


def test_cosmetics_change_nothing(tree: Path, tmp_path: Path) -> None:
    known = digests(tmp_path)
    before = known.tree(tree)
    os.utime(tree / "a.txt", (1, 1))
    (tree / "a.txt").chmod(0o600)
    (tree / "empty").mkdir()
    assert known.tree(tree) == before
    moved = tmp_path / "moved"
    shutil.copytree(tree, moved)
    assert known.tree(moved) == before


def test_only_what_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = fill(tmp_path / "tree", {f"{n % 7}/{n}": b"%d" % n for n in range(1000)})
    digests(tmp_path).tree(root)
    let_a_tick_pass(tmp_path)
    read: list[str] = []
    original = hashing.hash_file
    monkeypatch.setattr(hashing, "hash_file", lambda path, stamp: read.append(path) or original(path, stamp))
    assert digests(tmp_path).tree(root).n_files == 1000
    assert read == []
    (root / "3/3").write_bytes(b"other")
    (root / "new").write_bytes(b"new")
    found = digests(tmp_path).tree(root)
    assert read == [str(root / "3/3"), str(root / "new")]
    assert found.digest == as_a_stub_does(root)


def test_what_was_written_just_before_is_not_believed_of_its_looks(tree: Path, tmp_path: Path) -> None:
    changed = max(p.stat().st_ctime_ns for p in tree.rglob("*"))
    for now, is_kept in ((changed - 10**9, False), (changed, False), (changed + 5 * 10**9, True)):
        read: list[str] = []
        known = digests(tmp_path / str(now), now)
        known.tree(tree)
        with pytest.MonkeyPatch.context() as patch:
            original = hashing.hash_file
            patch.setattr(hashing, "hash_file", lambda p, s, o=original, r=read: r.append(p) or o(p, s))
            known.tree(tree)
        assert bool(read) is not is_kept


def test_a_clock_that_goes_back_hides_no_change(tree: Path, tmp_path: Path) -> None:
    """Stamps of the future, as a clock set back leaves them, are never believed."""
    changed = max(p.stat().st_ctime_ns for p in tree.rglob("*"))
    clock = [changed + 10**12]
    known = Digests(tmp_path / "home", lambda: clock[0])
    known.tree(tree)
    let_a_tick_pass(tmp_path)
    clock[0] = changed - 10**12
    (tree / "a.txt").write_bytes(b"A")
    before = known.tree(tree)
    read = threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        original = hashing.hash_file
        patch.setattr(hashing, "hash_file", lambda p, s: read.set() or original(p, s))
        assert known.tree(tree) == before
    assert read.is_set()


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped head", "flipped body", "a folder", "unreadable form"])
def test_a_damaged_cache_is_no_cache(tmp_path: Path, damage: str) -> None:
    root = fill(tmp_path / "tree", {f"{n}": b"%d" % n for n in range(200)})
    before = digests(tmp_path).tree(root)
    let_a_tick_pass(tmp_path)
    (kept,) = (p for p in (tmp_path / "home/digests").iterdir() if not p.name.startswith("."))
    content = bytearray(kept.read_bytes())
    if damage == "a folder":
        kept.unlink()
        kept.mkdir()
    elif damage == "unreadable form":
        kept.write_bytes(b"\xff\n" * 100)
    else:
        if damage.startswith("flipped"):
            content[100 if damage == "flipped head" else -100] ^= 1
        kept.write_bytes({"empty": b"", "cut": content[:-50]}.get(damage, bytes(content)))
    assert digests(tmp_path).tree(root) == before
    (root / "new").write_bytes(b"")
    assert digests(tmp_path).tree(root).digest == as_a_stub_does(root)


def test_a_home_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    root = fill(tmp_path / "tree", {f"{n}": b"%d" % n for n in range(200)})
    known = Digests(tmp_path / "home")
    shutil.rmtree(tmp_path / "home")
    assert known.tree(root).digest == known.tree(root).digest == as_a_stub_does(root)


def special(root: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(root / "odd")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            here = os.getcwd()
            os.chdir(root)
            try:
                listener.bind("odd")
            finally:
                os.chdir(here)
    elif kind == "link that leads nowhere":
        (root / "odd").symlink_to("nothing")
    elif kind == "link round in a circle":
        (root / "odd").symlink_to("odd")


@pytest.mark.parametrize("kind", ["pipe", "socket", "link that leads nowhere", "link round in a circle"])
def test_what_has_no_bytes_of_its_own_is_named(tree: Path, tmp_path: Path, kind: str) -> None:
    special(tree, kind)
    with pytest.raises(CannotDigest, match=r"/odd'.*\. .*(Remove|Make|mend)"):
        digests(tmp_path).tree(tree)
    with pytest.raises(CannotDigest, match=r"/odd'"):
        digests(tmp_path).tree(tree / "odd")


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """A folder that every user gets to, as pytest's own are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("what", ["a.txt", "a"])
def test_what_cannot_be_read_is_named(anybodys: Path, what: str) -> None:
    tree = fill(anybodys / "tree", {"a.txt": b"a", "a/b": b"b"})
    if os.geteuid() == 0:
        code = (
            "import os, sys; from pathlib import Path; from penstock.data.digests import Digests; os.setuid(65534)\n"
            "from penstock.model.errors import CannotDigest\n"
            "try: Digests(Path(sys.argv[1])).tree(Path(sys.argv[2]))\n"
            "except CannotDigest as error: print(error)"
        )
        (anybodys / "theirs").mkdir()
        (anybodys / "theirs").chmod(0o777)
        (tree / what).chmod(0)
        argv = [sys.executable, "-c", code, str(anybodys / "theirs"), str(tree)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        said = done.stdout
    else:
        (tree / what).chmod(0)
        with pytest.raises(CannotDigest) as caught:
            digests(anybodys).tree(tree)
        (tree / what).chmod(0o755)
        said = str(caught.value)
    assert f"/{what}' cannot be read: Permission denied. Make it readable" in said


def test_links_stand_for_what_they_lead_to(tree: Path, tmp_path: Path) -> None:
    other = fill(tmp_path / "other", {"x/y": b"y"})
    (tree / "file").symlink_to(other / "x/y")
    (tree / "folder").symlink_to(other)
    as_link = digests(tmp_path).tree(tree)
    (tree / "file").unlink()
    (tree / "folder").unlink()
    shutil.copytree(other, tree / "folder")
    shutil.copy(other / "x/y", tree / "file")
    assert digests(tmp_path).tree(tree) == as_link
    (tmp_path / "way").symlink_to(tree)
    assert digests(tmp_path).tree(tmp_path / "way") == as_link


def test_a_link_to_a_folder_around_it_is_followed_once(tree: Path, tmp_path: Path) -> None:
    other = fill(tmp_path / "other", {"x/y": b"y"})
    (other / "back").symlink_to(tree)
    (tree / "a/up").symlink_to("..")
    (tree / "a/self").symlink_to(".")
    (tree / "a/one").symlink_to(other)
    (tree / "a/two").symlink_to(other)
    known = digests(tmp_path)
    before = known.tree(tree)
    assert known.tree(tree) == before
    assert before.n_files == 5
    let_a_tick_pass(tmp_path)
    (other / "x/y").write_bytes(b"Y")
    after = known.tree(tree)
    assert after != before
    (tree / "a/two").unlink()
    assert known.tree(tree) != after


def test_what_is_left_out(tree: Path, tmp_path: Path) -> None:
    known = digests(tmp_path)
    before = known.tree(tree)
    fill(tree, {".staging/run.1/x": b"half"})
    assert known.tree(tree, STAGING) == before
    assert known.tree(tree) != before
    fill(tree, {"a/__pycache__/m.pyc": b"", "a/m.pyc": b""})
    cosmetic = Skip(frozenset({".staging"}), frozenset({"__pycache__"}), (".pyc",))
    assert known.tree(tree, cosmetic) == before
    fill(tree, {"a/.staging/x": b""})
    assert known.tree(tree, STAGING) != before


def changing(monkeypatch: pytest.MonkeyPatch, change: object) -> None:
    """Calls `change` in the middle of every reading of a file."""
    original = os.read

    def read(fd: int, size: int) -> bytes:
        piece = original(fd, size)
        change()  # type: ignore[operator]
        return piece

    monkeypatch.setattr(under_test.os, "read", read)


@pytest.mark.parametrize("how", ["appended", "rewritten", "one beside it"])
def test_what_changes_while_it_is_hashed_has_no_digest(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    counted = iter(range(10**6))

    def change() -> None:
        n = next(counted)
        if how == "appended":
            with open(tree / "a-b/c", "ab") as file:
                file.write(b"more")
        elif how == "rewritten":
            draft = tmp_path / "draft"
            draft.write_bytes(b"%05d" % n * 1000)
            os.replace(draft, tree / "a-b/c")
        else:
            (tree / f"new{n}").write_bytes(b"")

    with monkeypatch.context() as patch:
        changing(patch, change)
        with pytest.raises(CannotDigest, match=r"changes while its digest is taken\. Let what writes there end first"):
            digests(tmp_path).tree(tree)
    assert digests(tmp_path).tree(tree).digest == as_a_stub_does(tree)


def test_a_change_that_is_over_is_taken_up(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = iter([lambda: (tree / "late").write_bytes(b"late")])
    changing(monkeypatch, lambda: next(once, lambda: None)())
    assert digests(tmp_path).tree(tree).digest == as_a_stub_does(tree)


def test_a_file_that_becomes_a_pipe_is_never_waited_for(tree: Path, tmp_path: Path) -> None:
    stamp = under_test.stamp_of(os.stat(tree / "a.txt"))
    (tree / "a.txt").unlink()
    os.mkfifo(tree / "a.txt")
    with pytest.raises(under_test.Changed):
        hashing.hash_file(str(tree / "a.txt"), stamp)


def test_many_threads_at_once_agree(tmp_path: Path) -> None:
    root = fill(tmp_path / "tree", {f"{n % 3}/{n}": b"%d" % n for n in range(600)})
    known = digests(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: known.tree(root).digest, range(24)))
    assert found == {as_a_stub_does(root)}
    assert not known._busy


def _digest(folder: str) -> str:
    return Digests(Path(folder) / "home", lambda: LATER).tree(Path(folder) / "tree").digest


def test_many_processes_at_once_agree(tmp_path: Path) -> None:
    root = fill(tmp_path / "tree", {f"{n % 3}/{n}": b"%d" % n for n in range(600)})
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert set(pool.map(_digest, [str(tmp_path)] * 6)) == {as_a_stub_does(root)}
    assert not list((tmp_path / "home/digests").glob(".draft*"))


def test_large_files_are_hashed_in_threads_to_the_same_digest(tmp_path: Path) -> None:
    root = fill(tmp_path / "tree", {f"{n}": bytes([n]) * (3 << 20) for n in range(9)})
    told: list[tuple[int, int]] = []
    found = digests(tmp_path).tree(root, progress=lambda files, size: told.append((files, size)))
    assert found.digest == as_a_stub_does(root)
    assert tuple(map(sum, zip(*told, strict=True))) == (9, 27 << 20)
    assert len(told) > 1


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    known = digests(tmp_path)
    for name in ("gone", "there"):
        known.tree(fill(tmp_path / name, {f"{n}": b"" for n in range(50)}))
    shutil.rmtree(tmp_path / "gone")
    assert known.forget_gone() == 1
    assert known.forget_gone() == 0


def one_edit(root: Path, chosen: random.Random) -> None:
    """One of the things that happen to files, at a place drawn from few names, so that they meet."""
    path, other = (root / chosen.choice(("a", "b", "d/a", "d/b", "d/e/a")) for _ in range(2))
    act = chosen.choice(("write", "write", "same size", "delete", "rename", "link", "touch", "put back", "folder"))
    try:
        if act == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(chosen.randbytes(chosen.randrange(4)))
        elif act == "same size":
            path.write_bytes(chosen.randbytes(path.stat().st_size))
        elif act == "delete":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        elif act == "rename":
            path.rename(other)
        elif act == "link":
            path.symlink_to(other)
        elif act == "touch":
            os.utime(path, (chosen.random() * 1e9, chosen.random() * 2e9))
        elif act == "put back":
            before = path.stat()
            path.write_bytes(chosen.randbytes(before.st_size))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        else:
            path.mkdir()
    except OSError:
        pass  # what it was to be done to is not there, or is something else


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_edited_how_fast_ever_what_is_remembered_equals_what_is_found_afresh(
    tmp_path: Path, seed: int
) -> None:
    chosen = random.Random(seed)
    root = fill(tmp_path / "tree", {f"more/{n}": b"%d" % n for n in range(40)})
    known = Digests(tmp_path / "home")  # by the real clock, so that young files are many
    for number in range(60):
        one_edit(root, chosen)
        if chosen.random() < 0.2:
            known = Digests(tmp_path / "home")
        said = []
        for digests in (known, Digests(tmp_path / f"afresh{number}")):
            try:
                said.append(digests.tree(root))
            except CannotDigest as error:
                said.append(str(error))
        assert said[0] == said[1], f"after edit {number}"
        shutil.rmtree(tmp_path / f"afresh{number}")
