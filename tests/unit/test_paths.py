"""Joining a root with a path that someone else chose."""

import pytest

from penstock.data.paths import beneath
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
