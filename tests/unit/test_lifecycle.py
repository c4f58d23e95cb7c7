"""What a job's end means for its run."""

import pytest

from penstock.engine.lifecycle import after_tries, conclude, lost
from penstock.model.graph import Graph
from penstock.model.job import Exit
from penstock.model.status import Status


def node(**output):
    outputs = [{"name": "out", **output}] if output else []
    raw = {
        "id": "0" * 8,
        "name": "train",
        "kind": "python_script",
        "settings": {"script_name": "train.py"},
        "outputs": outputs,
    }
    return Graph.from_json({"schema": 1, "nodes": [raw]}).nodes[0]


def end(ending="exited", exit_code=0, **more):
    return Exit.from_json(
        {"ending": ending, "exit_code": exit_code, "ended_at": 2.0, "user_code_started": True, **more}
    )


def test_status_zero_completes():
    assert conclude(node(), end()).status is Status.COMPLETED


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (end(exit_code=3), "train.py ended with exit status 3"),
        (end(exit_code=2, stderr_tail="usage: train.py\nerror: unrecognized arguments: --in"), "did not fit"),
        (end("signaled", None, signal=9), "SIGKILL"),
        (end("timed_out", None), "ran out of time"),
        (
            end(exit_code=1, error={"what": "'a.py' ended with exit status 1: ValueError: boo", "fix": "Mend it."}),
            "ValueError: boo. Mend",
        ),
        (
            end("not_started", None, error={"what": "No such interpreter.", "fix": "Install it."}),
            "No such interpreter. Install it.",
        ),
    ],
)
def test_everything_else_fails_with_a_reason(how, said):
    conclusion = conclude(node(), how)
    assert conclusion.status is Status.FAILED
    assert said in conclusion.error["message"]
    assert "'train'" in conclusion.error["message"]


def test_a_failure_says_of_which_file_the_one_in_the_traceback_is_a_copy():
    raw = {"id": "0" * 8, "name": "t", "kind": "python_script"}
    raw["settings"] = {"script_name": "sub/t.py", "source_directory": "/sources"}
    one = Graph.from_json({"schema": 1, "nodes": [raw]}).nodes[0]
    error = {"what": "'sub/t.py' ended with exit status 1: E", "fix": "All that it printed: penstock run logs 00000000"}
    said = conclude(one, end(exit_code=1, error=error, stderr_tail='File "/h/jobs/0.1/work/sub/t.py", line 3')).error
    assert said["message"] == (
        "Step 't': 'sub/t.py' ended with exit status 1: E. All that it printed: penstock run logs 00000000 "
        "(work/sub/t.py is a copy of /sources/sub/t.py as it was when you submitted.)"
    )
    silent = conclude(one, end(exit_code=1, error=error, stdout_tail="hm")).error
    assert "copy of" not in silent["message"] and silent["details"]["stdout_tail"] == "hm"


def test_a_canceled_job_is_canceled():
    assert conclude(node(), end("canceled", None)).status is Status.CANCELED
    assert conclude(node(), end("signaled", None, signal=15), cancel_requested=True).status is Status.CANCELED


def test_an_output_not_written_is_a_warning_that_names_step_and_port():
    conclusion = conclude(node(is_directory=None), end(outputs=[{"name": "out", "kind": "missing"}]))
    assert conclusion.status is Status.COMPLETED
    assert "'train'" in conclusion.warnings[0] and "'out'" in conclusion.warnings[0]


def test_a_file_output_not_written_is_an_error():
    conclusion = conclude(node(is_directory=False), end(outputs=[{"name": "out", "kind": "missing"}]))
    assert conclusion.status is Status.FAILED
    assert "is_directory=False" in conclusion.error["message"]


def test_a_folder_where_a_file_was_declared_is_an_error():
    conclusion = conclude(node(is_directory=False), end(outputs=[{"name": "out", "kind": "directory"}]))
    assert conclusion.status is Status.FAILED and "made a folder" in conclusion.error["message"]


def test_what_the_stub_warns_of_is_passed_on():
    assert conclude(node(), end(warnings=["a pipe was left out"])).warnings == ("Step 'train': a pipe was left out",)


def test_processes_left_behind_and_inputs_changed_are_warned_of():
    conclusion = conclude(node(), end(left_behind=[1, 2], inputs_changed=["prepped: a.csv"]))
    assert conclusion.warnings == (
        "Input of step 'train' changed while it ran: prepped: a.csv. No later step stands on what it made. "
        "If its script writes there, have it write to an output instead.",
        "Step 'train' left 2 processes behind when it ended; they were stopped.",
    )
    assert conclude(node(), end(left_behind=[1])).warnings == (
        "Step 'train' left 1 process behind when it ended; it was stopped.",
    )


def test_a_lost_job_fails_and_says_why_it_is_not_repeated():
    assert "not started again" in lost(node(), "it is gone.").error["message"]


def test_a_lost_job_that_was_to_be_canceled_is_canceled():
    conclusion = lost(node(), "it is gone.", cancel_requested=True, stopped_by="the pipeline run was canceled")
    assert conclusion.status is Status.CANCELED
    assert conclusion.error["message"] == "Step 'train' was canceled: the pipeline run was canceled."


def test_a_job_lost_before_its_script_began_does_not_say_that_it_may_have():
    assert "may have begun" not in lost(node(), "it is gone.", has_begun=False).error["message"]


def test_a_canceled_job_says_what_stopped_it():
    said = conclude(node(), end("canceled", None), stopped_by="step 'other' failed").error["message"]
    assert said == "Step 'train' was canceled: step 'other' failed."


def test_how_often_it_was_tried_is_said_when_it_was_more_than_once():
    error = {"code": "UserError", "message": "It failed."}
    assert after_tries(error, 1) == error and after_tries(None, 3) is None
    assert after_tries(error, 3)["message"] == "It failed. It was tried 3 times."
