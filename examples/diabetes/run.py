"""Prepares data, trains two models in parallel, compares them and registers the better: one pipeline, on this machine.

Written as any Azure ML SDK v1 pipeline is written; nothing in it knows Penstock. `make demo` runs it.
"""

import argparse
import os
import sys
import time

from azureml.core import Dataset, Experiment, Model, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter
from azureml.pipeline.steps import PythonScriptStep

here = os.path.dirname(os.path.abspath(__file__))
results = os.path.join(here, "results")


def compute(ws, name="cpu-cluster"):
    """The cluster called `name`, made when it is not there yet."""
    try:
        return ComputeTarget(workspace=ws, name=name)
    except ComputeTargetException:
        config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4)
        return ComputeTarget.create(ws, name, config)


def dataset(ws):
    """The registered dataset of patients: the file goes to the default datastore, the registration points there."""
    store = ws.get_default_datastore()
    store.upload_files([os.path.join(here, "diabetes.csv")], target_path="diabetes-data", overwrite=True)
    patients = Dataset.Tabular.from_delimited_files(path=(store, "diabetes-data/*.csv"))
    return patients.register(ws, "diabetes dataset", description="Diabetes data", create_new_version=True)


def pipeline(ws):
    """prepare → two trainings side by side → compare."""
    target = compute(ws)
    prepared = PipelineData("prepared", datastore=ws.get_default_datastore())
    steps_folder = os.path.join(here, "steps")
    prepare = PythonScriptStep(
        name="prepare data",
        script_name="prepare.py",
        source_directory=steps_folder,
        compute_target=target,
        arguments=["--patients", dataset(ws).as_named_input("patients"), "--prepared", prepared],
        outputs=[prepared],
    )
    trainings, models = [], []
    for strength, rate in [("weak", 0.01), ("strong", 1000.0)]:
        model = PipelineData(strength + "_model", datastore=ws.get_default_datastore())
        reg = PipelineParameter(name=strength + "_reg", default_value=rate)
        models.append(model)
        trainings.append(
            PythonScriptStep(
                name=f"train with {strength} regularization",
                script_name="train.py",
                source_directory=steps_folder,
                compute_target=target,
                arguments=["--prepared", prepared, "--reg", reg, "--model", model],
                inputs=[prepared],
                outputs=[model],
            )
        )
    compare = PythonScriptStep(
        name="compare and register",
        script_name="compare.py",
        source_directory=steps_folder,
        compute_target=target,
        arguments=["--models", *models],
        inputs=models,
    )
    return Pipeline(workspace=ws, steps=[prepare, trainings, compare], description="Which regularization is better?")


def report(ws, run):
    """Fetches the results and says where everything is."""
    compare = run.find_step_run("compare and register")[0]
    compare.download_files(prefix="outputs/", output_directory=results)
    model = Model(ws, "diabetes-classifier")
    table = compare.get_metrics()["models"]
    print("\nregularization   accuracy   AUC")
    for reg, accuracy, auc in zip(table["regularization"], table["accuracy"], table["AUC"], strict=True):
        print(f"{reg:>14g} {accuracy:>10.4f} {auc:>7.4f}")
    outputs = os.path.relpath(os.path.join(results, "outputs"))
    penstock = os.path.relpath(os.path.join(os.path.dirname(sys.executable), "penstock"))
    print(f"\nresults   {outputs} (comparison.csv, roc.png)")
    print("model     {} version {}, also in {}".format(model.name, model.version, os.path.join(outputs, "model.pkl")))
    print(f"run page  {run.get_portal_url()}")
    print(f"logs      {penstock} run logs {run.id}")
    print("\nTry next: open the run page; change steps/train.py and run this again; or other regularization:")
    print(f"          {os.path.relpath(sys.executable)} {os.path.relpath(__file__)} --weak 0.1 --strong 10\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weak", type=float, default=0.01, help="regularization of the first model")
    parser.add_argument("--strong", type=float, default=1000.0, help="regularization of the second model")
    args = parser.parse_args()

    began = time.time()
    ws = Workspace.from_config(path=here)
    experiment = Experiment(workspace=ws, name="diabetes-training")
    run = experiment.submit(pipeline(ws), pipeline_parameters={"weak_reg": args.weak, "strong_reg": args.strong})
    run.wait_for_completion(show_output=True)
    report(ws, run)
    print(f"Took {time.time() - began:.1f} s.")


if __name__ == "__main__":
    main()
