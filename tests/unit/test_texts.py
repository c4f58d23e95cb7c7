"""What digests are of, kept under them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from penstock.data import texts
from penstock.data.digests import Digests
from penstock.data.texts import Texts, files_of
from penstock.service.reuse.differing import differing


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


def test_what_two_states_of_a_folder_differ_in_is_told(tmp_path: Path) -> None:
    digests, folder = Digests(tmp_path), tmp_path / "data"
    write(folder, {"a": "1", "b\nb": "1", "c": "1"})
    os.symlink("a", folder / "d")
    was = digests.tree(folder, is_told=True).digest
    (folder / "a").unlink()
    (folder / "d").unlink()
    write(folder, {"b\nb": "2", "e": "1"})
    now = digests.tree(folder, is_told=True).digest
    found = differing(digests.texts, f"directory:{was}", f"directory:{now}")
    assert sorted(found) == ["a is gone", "b\nb changed", "d is gone", "e is new"]
    assert differing(digests.texts, f"directory:{was}", f"directory:{was}") == []
    assert list(files_of(digests.texts.find(now) or b"")) == ["b\nb", "c", "e"]


@pytest.mark.parametrize("hurdle", ["damaged", "gone", "no folder", "of a file", "nonsense"])
def test_what_is_not_known_any_more_is_not_told(tmp_path: Path, hurdle: str) -> None:
    digests, folder = Digests(tmp_path), tmp_path / "data"
    write(folder, {"a": "1"})
    was = digests.tree(folder, is_told=True).digest
    write(folder, {"a": "2"})
    now = digests.tree(folder, is_told=True).digest
    kept = tmp_path / "digests/texts" / was.removeprefix("sha256:")
    if hurdle == "damaged":
        kept.write_bytes(b"other")
    elif hurdle == "gone":
        kept.unlink()
    kind = "file" if hurdle == "of a file" else "directory"
    known = Texts(tmp_path / "nowhere") if hurdle == "no folder" else digests.texts
    before = "sha256:../../x" if hurdle == "nonsense" else was
    assert differing(known, f"{kind}:{before}", f"{kind}:{now}") == []


def test_no_text_is_kept_of_many_files_or_of_what_nobody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests, folder = Digests(tmp_path), tmp_path / "data"
    write(folder, {"a": "1"})
    assert digests.texts.find(digests.tree(folder).digest) is None
    write(folder, {str(n): "" for n in range(texts.MOST_FILES + 1)})
    (folder / "a").unlink()
    assert digests.texts.find(digests.tree(folder, is_told=True).digest) is None
    (folder / "0").unlink()
    assert digests.texts.find(digests.tree(folder, is_told=True).digest) is not None


def test_the_oldest_go_and_a_folder_that_cannot_be_written_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "_MOST_TEXTS", 3)
    kept = Texts(tmp_path / "texts")
    kept.forget_old()
    for n in range(5):
        kept.keep(b"%d" % n)
    for n, path in enumerate(sorted((tmp_path / "texts").iterdir(), key=lambda path: path.read_bytes())):
        os.utime(path, (n, n))
    kept.forget_old()
    assert sorted(path.read_bytes() for path in (tmp_path / "texts").iterdir()) == [b"2", b"3", b"4"]
    (tmp_path / "file").write_text("")
    Texts(tmp_path / "file").keep(b"x")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    kept = Texts(tmp_path / "texts")
    monkeypatch.setattr(texts.os, "replace", full)
    kept.keep(b"x")
    assert list((tmp_path / "texts").iterdir()) == [] and kept.find(hashlib.sha256(b"x").hexdigest()) is None
