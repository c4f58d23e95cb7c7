"""Snapshots: what of a source folder is kept, and what is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from azureml._client import snapshot
from azureml._client.ignore import IgnoreRules
from azureml.exceptions import SnapshotException
from penstock.data.snapshots import digest_of as digest_on_the_server


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(folder: Path) -> list[str]:
    return [f["path"] for f in snapshot.manifest(str(folder))]


@pytest.mark.parametrize(
    ("rules", "path", "is_dir", "ignored"),
    [
        ("*.csv", "data/a.csv", False, True),
        ("/a.csv", "data/a.csv", False, False),
        ("/a.csv", "a.csv", False, True),
        ("data/", "data", True, True),
        ("data/", "data", False, False),
        ("data/", "deep/data", True, True),
        ("a/b", "a/b", False, True),
        ("a/b", "x/a/b", False, False),
        ("**/b", "x/a/b", False, True),
        ("a/**", "a/x/y", False, True),
        ("a/**", "a", True, False),
        ("a/**/z", "a/z", False, True),
        ("a/**/z", "a/b/c/z", False, True),
        ("*.txt\n!keep.txt", "keep.txt", False, False),
        ("!keep.txt\n*.txt", "keep.txt", False, True),
        ("# no\n\n", "# no", False, False),
        (r"\#yes", "#yes", False, True),
        (r"\!yes", "!yes", False, True),
        ("a?c", "abc", False, True),
        ("a?c", "a/c", False, False),
        ("[!a]b", "cb", False, True),
        ("[!a]b", "ab", False, False),
        ("[a-c]1", "b1", False, True),
        ("space\\ ", "space ", False, True),
        ("trail   ", "trail", False, True),
        ("[unfinished", "[unfinished", False, False),
        ("", "__pycache__", True, True),
        ("", ".git", True, True),
        ("", "sub/.ipynb_checkpoints", True, True),
        ("", "a.pyc", False, True),
        ("foo*bar", "fooXbar/baz", False, False),
    ],
)
def test_a_path_is_ignored_as_git_ignores_it(rules: str, path: str, is_dir: bool, ignored: bool) -> None:
    assert IgnoreRules(rules.split("\n")).ignores(path, is_dir) is ignored


def test_amlignore_takes_the_place_of_gitignore(tmp_path: Path) -> None:
    put(tmp_path, **{"a.py": "1", "b.csv": "2", "c.txt": "3", ".gitignore": "*.csv"})
    assert names(tmp_path) == [".gitignore", "a.py", "c.txt"]
    (tmp_path / ".amlignore").write_text("*.txt\n.amlignore\n.gitignore\n")
    assert names(tmp_path) == ["a.py", "b.csv"]


def test_what_lies_in_an_ignored_folder_is_not_looked_at(tmp_path: Path) -> None:
    put(tmp_path, **{"a.py": "1", ".gitignore": "big/", "__pycache____x.pyc": "", "sub__a.py": "1"})
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "dangling").symlink_to("/nowhere")
    (tmp_path / "__pycache__").mkdir(exist_ok=True)
    (tmp_path / "__pycache__" / "a.cpython.pyc").write_text("")
    assert names(tmp_path) == [".gitignore", "a.py", "sub/a.py"]


def test_the_digest_is_the_one_that_the_server_computes(tmp_path: Path) -> None:
    put(tmp_path, **{"run.sh": "echo", "a__b.py": "x", "é.txt": "ü"})
    (tmp_path / "run.sh").chmod(0o755)
    files = snapshot.manifest(str(tmp_path))
    assert snapshot.digest_of(files) == digest_on_the_server(files)


def test_the_digest_says_what_the_files_are_and_nothing_else(tmp_path: Path) -> None:
    one, two = put(tmp_path / "one", **{"a.py": "x", "b.py": "y"}), put(tmp_path / "two", **{"b.py": "y", "a.py": "x"})
    os.utime(two / "a.py", (1, 1))
    digest = snapshot.digest_of(snapshot.manifest(str(one)))
    assert digest == snapshot.digest_of(snapshot.manifest(str(two)))
    (two / "a.py").chmod((two / "a.py").stat().st_mode | stat.S_IXUSR)
    assert digest != snapshot.digest_of(snapshot.manifest(str(two)))


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    put(tmp_path, **{"a.py": "x"})
    before = snapshot.manifest(str(tmp_path))[0]["digest"]
    put(tmp_path, **{"a.py": "y"})
    assert snapshot.manifest(str(tmp_path))[0]["digest"] != before


def test_links_are_followed(tmp_path: Path) -> None:
    put(tmp_path / "src", **{"a.py": "x"})
    put(tmp_path / "lib", **{"b.py": "y"})
    (tmp_path / "src" / "lib").symlink_to(tmp_path / "lib")
    (tmp_path / "src" / "c.py").symlink_to("a.py")
    assert names(tmp_path / "src") == ["a.py", "c.py", "lib/b.py"]


def test_a_dangling_link_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("/nowhere/at/all")
    with pytest.raises(SnapshotException, match=r"gone is a link to /nowhere/at/all, which does not exist. Remove"):
        names(tmp_path)


def test_a_link_to_a_folder_above_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "up").symlink_to("..")
    with pytest.raises(SnapshotException, match="up is a link to a folder that holds it"):
        names(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotException, match="nowhere does not exist"):
        names(tmp_path / "nowhere")


def test_a_name_that_is_no_text_is_named(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff.txt", "wb"):
        pass
    with pytest.raises(SnapshotException, match="is not UTF-8"):
        names(tmp_path)


def test_the_biggest_files_are_named_past_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(snapshot, "NOTE_BYTES", 10)
    put(tmp_path, **{"big.bin": "x" * 50, "small.py": "y"})
    names(tmp_path)
    names(tmp_path)
    said = capsys.readouterr().out
    assert said.count("The biggest files: big.bin") == 1
    assert ".amlignore" in said
