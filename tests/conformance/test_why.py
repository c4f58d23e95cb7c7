"""What `why` says of steps that ran."""

from __future__ import annotations

from conformance.test_reuse import PREPARE, Work, work, ws

from azureml.core import Experiment
from azureml.pipeline.core import Pipeline, PipelineParameter
from azureml.pipeline.steps import PythonScriptStep

__all__ = ["work", "ws"]  # the fixtures


def test_a_value_that_differs_is_named_by_the_option_before_it(work: Work) -> None:
    work.write("train.py", "")
    runs = []
    for rate in ("0.1", "0.2"):
        train = PythonScriptStep(
            "train.py", arguments=["--rate", rate, "x"], source_directory=str(work.source), compute_target="cpu"
        )
        runs.append(Experiment(work.workspace, "reusing").submit(Pipeline(work.workspace, [train])))
        runs[-1].wait_for_completion(show_output=False)
    (why,) = runs[1].why()
    assert list(why.because) == ["argument 2 (--rate) was '0.1', is '0.2'"]


def test_a_value_that_differs_is_named_by_the_parameter_behind_it(work: Work) -> None:
    work.write("train.py", "")
    rate, seed = PipelineParameter("rate", "0.1"), PipelineParameter("seed", 1)
    given = ["--rate", rate, "--seed", seed, "--twice", rate]
    train = PythonScriptStep("train.py", arguments=given, source_directory=str(work.source), compute_target="cpu")
    pipeline = Pipeline(work.workspace, [train])
    for values in ({}, {"rate": "0.2", "seed": 2}):
        run = Experiment(work.workspace, "reusing").submit(pipeline, pipeline_parameters=values)
        run.wait_for_completion(show_output=False)
    (why,) = run.why()
    assert list(why.because) == [
        "argument 2 (--rate, parameter rate) was '0.1', is '0.2'",
        "argument 4 (--seed, parameter seed) was '1', is '2'",
        "argument 6 (--twice, parameter rate) was '0.1', is '0.2'",
    ]


def test_why_names_the_field_that_differs(work: Work) -> None:
    work.run()
    work.rate = "0.01"
    work.write("prepare.py", PREPARE + "# one\n# two\n")
    (prepare, _) = work.run().why()
    assert "argument 3 (parameter rate) was '0.1', is '0.01'" in prepare.because
    assert "prepare.py changed (2 lines)" in prepare.because
    assert {d["place"] for d in prepare.details} == {"snapshot", "argument 3", "parameter rate"}
    (work.data / "a.txt").write_text("z")
    (prepare, _) = work.run().why()
    assert prepare.because == ["the contents of input data changed"]
