"""What `why` says of steps that ran."""

from __future__ import annotations

from pathlib import Path

from conformance.test_reuse import PREPARE, Work, work, ws

from azureml.core import Dataset, Experiment
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter
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
    assert prepare.because == ["the contents of input data changed: a.txt changed"]


def test_why_names_the_step_that_wrote_an_input_that_differs(work: Work) -> None:
    work.run()
    (work.data / "a.txt").write_text("other")
    (_, train) = work.run().why()
    assert train.because == ["the contents of input prepared changed, which step 'prepare' wrote"]


def test_why_names_the_files_of_an_input_that_differ(work: Work) -> None:
    for n in range(9):
        (work.data / f"b{n}.txt").write_text("")
    work.run()
    (work.data / "b0.txt").unlink()
    (work.data / "odd\nname").write_text("")
    (prepare, _) = work.run().why()
    assert prepare.because == ["the contents of input data changed: odd\nname is new, b0.txt is gone"]
    for path in work.data.glob("b*"):
        path.write_text("more")
    (work.data / "a.txt").write_text("more")
    (prepare, _) = work.run().why()
    (sentence,) = prepare.because
    assert sentence.startswith("the contents of input data changed: a.txt changed, b1.txt changed, ")
    assert sentence.endswith(", b7.txt changed, 1 more file changed")


def test_why_names_the_files_of_a_dataset_that_differ(work: Work) -> None:
    work.write("read.py", "")
    store = work.workspace.get_default_datastore()
    folder = Path(store._root) / "why" / work.source.name
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("a\n1\n")
    dataset = Dataset.File.from_files([(store, f"why/{work.source.name}/*.csv")])
    read = PythonScriptStep(
        "read.py", inputs=[dataset.as_named_input("raw")], source_directory=str(work.source), compute_target="cpu"
    )
    pipeline = Pipeline(work.workspace, [read])

    def because() -> list[str]:
        run = Experiment(work.workspace, "reusing").submit(pipeline)
        run.wait_for_completion(show_output=False)
        return list(run.why()[0].because)

    because()
    (folder / "b.csv").write_text("b\n1\n")
    assert because() == ["the contents of input raw changed: b.csv is new"]
    (folder / "a.csv").write_text("a\n2\n")
    assert because() == ["the contents of input raw changed: a.csv changed"]


def test_why_says_of_a_step_that_never_began_that_it_did_not_run(work: Work) -> None:
    work.write("prepare.py", "raise SystemExit('no')")
    run = work.pipeline().submit("reusing", pipeline_parameters=work.values)
    run.wait_for_completion(show_output=False, raise_on_error=False)
    (prepare, train) = run.why()
    assert prepare.verdict == "ran" and train.verdict == "skipped"
    assert str(train).startswith("train did not run: ") and "prepare" in train.because[0], train


def test_an_output_that_is_declared_no_more_is_not_said_to_be_gone(work: Work) -> None:
    work.write("train.py", "")
    for outputs in (["more"], [], ["more"]):
        ports = [PipelineData(name, datastore=work.store) for name in outputs]
        train = PythonScriptStep("train.py", outputs=ports, source_directory=str(work.source), compute_target="cpu")
        run = Experiment(work.workspace, "reusing").submit(Pipeline(work.workspace, [train]), regenerate_outputs=False)
        run.wait_for_completion(show_output=False)
        if not outputs:
            assert list(run.why()[0].because) == ["output more is not declared any more"]
