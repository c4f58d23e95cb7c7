"""How late a change may be stamped."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from penstock.data.clocks import Clocks


def test_nothing_written_by_now_is_stamped_later_and_what_is_written_after_a_moment_is(tmp_path: Path) -> None:
    clocks = Clocks(time.time)
    for n in range(20):
        file = tmp_path / f"{n}"
        file.write_text("")
        latest = clocks.latest(time.time(), tmp_path)
        assert os.stat(file).st_ctime <= latest < time.time() + 0.1
    time.sleep(0.2)
    file.write_text("later")
    assert os.stat(file).st_ctime > latest
    assert sorted(os.listdir(tmp_path)) == sorted(str(n) for n in range(20))  # it leaves nothing behind


def test_a_file_server_whose_clock_is_ahead_is_followed(tmp_path: Path) -> None:
    def ours() -> float:
        return time.time() - 30

    file = tmp_path / "file"
    file.write_text("")
    assert os.stat(file).st_ctime <= Clocks(ours).latest(ours(), tmp_path) < time.time() + 0.2


def test_where_nothing_can_be_written_the_clocks_are_taken_to_agree(tmp_path: Path) -> None:
    clocks = Clocks(time.time)
    assert (
        clocks.latest(1000.0, tmp_path / "made") == pytest.approx(1000.02, abs=0.001) and (tmp_path / "made").is_dir()
    )
    assert clocks.latest(1000.0, tmp_path / "no" / "where") == 1000.02 and not (tmp_path / "no").exists()
