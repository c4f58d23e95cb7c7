"""What a step's process knows of itself from its environment (docs/step.md): workspace, experiment, parent. Asks no server."""

import os


def workspace_from_environment():
    from azureml.core.workspace import Workspace

    env = os.environ
    return Workspace._of(
        env.get("AZUREML_ARM_WORKSPACE_NAME", ""),
        env.get("AZUREML_ARM_SUBSCRIPTION", ""),
        env.get("AZUREML_ARM_RESOURCEGROUP", ""),
    )


def experiment_from_environment():
    from azureml.core.experiment import Experiment

    env = os.environ
    return Experiment(
        workspace_from_environment(),
        env.get("AZUREML_ARM_PROJECT_NAME", ""),
        _skip_name_validation=True,
        _id=env.get("AZUREML_EXPERIMENT_ID"),
        _create_in_cloud=False,
    )


def parent_from_environment(experiment):
    """The run above this process's own: the pipeline run of a step. None when there is none."""
    parent_id = os.environ.get("PENSTOCK_PARENT_RUN_ID") or os.environ.get("AZUREML_ROOT_RUN_ID")
    if not parent_id or parent_id == os.environ.get("AZUREML_RUN_ID"):
        return None
    if parent_id == os.environ.get("AZUREML_ROOT_RUN_ID"):
        from azureml.pipeline.core.run import PipelineRun

        return PipelineRun(experiment, parent_id)
    from azureml.core.run import Run

    return Run.get(experiment.workspace, parent_id)
