"""Joining a root with a path that someone else chose."""

import os
from types import SimpleNamespace

import pytest

from penstock.data.paths import Ways, beneath
from penstock.model.errors import BadRequest


def test_a_link_inside_may_lead_elsewhere_inside_but_not_out(tmp_path):
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "inside").symlink_to("a")
    (root / "a" / "outside").symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(root)
    for start in (root, tmp_path / "linked"):
        assert beneath(start, "a/b/not there/yet") == start / "a/b/not there/yet"
        assert beneath(start, "inside/b") == start / "inside/b"
        for wrong in ("a/outside", "a/outside/x", "inside/outside/x", "../root", "a/../../x"):
            with pytest.raises(BadRequest, match="leads out of its folder"):
                beneath(start, wrong)


def test_of_many_places_each_is_seen_as_if_it_were_alone(tmp_path, monkeypatch):
    root, n = tmp_path / "root", 200
    for i in range(n):
        (root / "kept" / f"{i}").mkdir(parents=True)
        (root / "kept" / f"{i}" / "out").write_text(str(i))
    (root / "kept" / "file").write_text("")
    (root / "kept" / "away").symlink_to(tmp_path)
    (tmp_path / "elsewhere" / "d").mkdir(parents=True)
    (tmp_path / "elsewhere" / "d" / "f").write_text("")
    (root / "kept" / "other").symlink_to("7")
    (root / "kept" / "7" / "sub").mkdir()
    (root / "kept" / "7" / "sub" / "f").write_text("")
    looked_at = []
    monkeypatch.setattr(os, "lstat", lambda path, look=os.lstat: looked_at.append(path) or look(path))
    ways = Ways(str(root))
    for i in range(n):
        place, status = ways.down(f"kept/{i}/out")
        assert place == f"{root}/kept/{i}/out" and status.st_ino == os.stat(place).st_ino
    folders = [path for path in looked_at if not str(path).endswith("out")]
    assert len(folders) < n / 2  # the others were found by listing
    assert ways.down("kept/file")[1] is not None and ways.down("kept/gone")[1] is None
    assert ways.down("kept/other/out") == (f"{root}/kept/other/out", None)  # a link leads to it
    for wrong in ("kept/away/x", "kept/7/..", "kept/7/..\\..\\x", "kept/7/a\0b"):
        with pytest.raises(BadRequest, match="leads out of its folder"):
            ways.down(wrong)
    for _ in range(2):  # whatever was found behind a link, it stays behind it
        assert ways.down("kept/other/sub/f") == (f"{root}/kept/other/sub/f", None)
        with pytest.raises(BadRequest, match="leads out of its folder"):
            ways.down("kept/away/elsewhere/d/f")
    (root / "a\\b").mkdir()
    (root / "a" / "b").mkdir(parents=True)
    assert ways.down("a\\b/x")[0] == ways.down("a\\b/x")[0] == f"{root}/a/b/x"
    for same in ("kept/7/out/", "kept/7/./out", "kept//7/out", "/kept/7/out", "kept\\7\\out", "kept/7\\out"):
        assert ways.down(same)[0] == f"{root}/kept/7/out"


def no_list(_path):
    raise PermissionError


@pytest.mark.parametrize("hurdle", ["none", "no list may be had", "nobody counts folders"])
def test_folders_are_told_from_all_else_however_many_are_asked_for(tmp_path, monkeypatch, hurdle):
    root, n = tmp_path / "root", 1500
    for i in range(n):
        (root / f"{i}").mkdir(parents=True)
    (root / "file").write_text("")
    (root / "moved").symlink_to(tmp_path)
    (root / "dangling").symlink_to("gone")
    if hurdle == "no list may be had":
        monkeypatch.setattr(os, "scandir", no_list)
    if hurdle == "nobody counts folders":
        look = os.stat
        monkeypatch.setattr(os, "stat", lambda path, **how: SimpleNamespace(st_nlink=1, st_mode=look(path).st_mode))
    ways = Ways(str(root))
    assert all(ways.is_folder(f"{i}") for i in range(50))
    assert len(ways._plain) <= 50 * 20  # never far more than was asked for
    assert all(ways.is_folder(f"{i}") for i in range(n))
    assert ways.is_folder("moved")  # to another disk, say
    assert not any(ways.is_folder(name) for name in ("file", "gone", "dangling"))
