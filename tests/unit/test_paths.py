"""Joining a root with a path that someone else chose."""

import os

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
    (root / "kept" / "other").symlink_to("7")
    looked_at = []
    monkeypatch.setattr(os, "lstat", lambda path, look=os.lstat: looked_at.append(path) or look(path))
    ways = Ways(str(root))
    for i in range(n):
        place, status = ways.down(f"kept/{i}/out")
        assert place == f"{root}/kept/{i}/out" and status.st_ino == os.stat(place).st_ino
        assert ways.is_folder(f"kept/{i}") and not ways.is_folder(f"kept/{i}/out")
    folders = [path for path in looked_at if not str(path).endswith("out")]
    assert len(folders) < n / 2  # the others were found by listing
    assert not any(ways.is_folder(f"kept/{name}") for name in ("file", "gone", "other"))
    assert ways.down("kept/other/out") == (f"{root}/kept/other/out", None)  # a link leads to it
    with pytest.raises(BadRequest, match="leads out of its folder"):
        ways.down("kept/away/x")
