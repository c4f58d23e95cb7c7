"""A full disk as a step's own script meets it: logging says what was not kept, and what was kept is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import fill, mounted, use_up_inodes

from azureml._client.errors import HomeError
from azureml._client.journal import Journal
from azureml._client.start import ensure_server
from azureml.core import Run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "small", "size=1m,nr_inodes=50") as place:
        yield place


def metric(number: int) -> dict[str, object]:
    return {"op": "metric", "name": "loss", "kind": "scalar", "value": number, "text": "x" * 300}


def test_a_metric_that_finds_no_room_is_an_error_that_says_so_and_the_others_are_kept(small_disk: Path) -> None:
    journal = Journal(str(small_disk), "run")
    journal.append("run", [metric(0)])
    taken = fill(small_disk)
    kept = [0]
    with pytest.raises(
        OSError, match=r"could not be kept \(No space left on device, 0 bytes are free there\)\. Free some"
    ):
        for number in range(1, 1000):
            journal.append("run", [metric(number)])
            kept.append(number)
    taken.unlink()
    journal.append("run", [metric(1000)])
    lines = (small_disk / "journal").read_text().splitlines()
    whole = [json.loads(line)["value"] for line in lines if line.endswith("}")]
    assert whole == [*kept, 1000], "what was acknowledged is there; what was cut off spoils nothing after it"


def test_a_home_without_room_for_a_lock_is_refused_with_the_way_out(small_disk: Path) -> None:
    (small_disk / "logs").mkdir()
    use_up_inodes(small_disk)
    with pytest.raises(HomeError, match=r"No space left on device.*Free some space there, or set PENSTOCK_HOME"):
        ensure_server(str(small_disk))


def test_logging_on_a_full_disk_fails_no_step(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENSTOCK_JOB", str(small_disk))
    monkeypatch.setenv("AZUREML_RUN_ID", "run")
    run = Run.get_context()
    run.log("before", 1)
    taken = fill(small_disk)
    for number in range(200):
        run.log("loss " + "x" * 100, number)
    run.log_confusion_matrix("matrix", {"data": {"class_labels": ["a"], "matrix": [["x" * 50_000]]}})
    said = capsys.readouterr().err
    assert said.count("was not kept: ") == 1 and "No space left on device" in said
    taken.unlink()
    run.log("after", 2)
    records = [json.loads(line) for line in (small_disk / "journal").read_text().splitlines() if line.endswith("}")]
    assert [r["value"] for r in records if r["op"] == "metric" and r["name"] in ("before", "after")] == [1, 2]
    (warning,) = [r["message"] for r in records if r["op"] == "warning"]
    assert "metrics could not be kept, the last called 'matrix': " in warning and "No space left" in warning
