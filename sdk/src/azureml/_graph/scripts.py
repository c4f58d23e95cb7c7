"""A script submitted by itself: a pipeline of one step, whose run is a plain Run. Knows ScriptRunConfig and the submission."""

from azureml.pipeline.steps.python_script_step import PythonScriptStep


class ScriptRun(PythonScriptStep):
    """The step of such a pipeline. Its name is the step_type by which the run is known again."""


def submit_script(config, experiment, tags, display_name=None, parent_run_id=None, properties=None):
    """The Run of the script. UserErrorException for a command or several processes, which are not built yet."""
    from azureml._graph.submission import send
    from azureml.core.run import Run
    from azureml.pipeline.core.pipeline import Pipeline

    run_config = config.run_config
    _refuse_unbuilt(config, run_config)
    step = ScriptRun(
        run_config.script,
        name=display_name or run_config.script,
        arguments=config.arguments or list(run_config.arguments or []),
        compute_target=run_config.target or "local",
        runconfig=run_config,
        source_directory=config.source_directory,
        allow_reuse=False,
    )
    options = {
        "parameters": {},
        "tags": tags or {},
        "properties": properties or {},
        "display_name": display_name,
        "continue_on_step_failure": False,
        "regenerate_outputs": True,
        "parent_run_id": parent_run_id,
    }
    _, answer = send(Pipeline(experiment.workspace, [step]), experiment, options)
    run = Run(experiment, answer["steps"][0]["run_id"])
    if tags:
        run.set_tags(tags)
    return run


def _refuse_unbuilt(config, run_config):
    from azureml.exceptions import UserErrorException

    if run_config.command or not run_config.script:
        raise UserErrorException(
            "Submitting a command by itself is not built yet in this version of Penstock. Give the ScriptRunConfig a script.",
            code="NotBuiltYet",
        )
    several = run_config.node_count not in (None, 1) or str(run_config.communicator or "None") != "None"
    if several:
        raise UserErrorException(
            "Running a script in several processes ({}, {} nodes) is not built yet in this version of Penstock. "
            "Leave out distributed_job_config.".format(run_config.communicator, run_config.node_count),
            code="NotBuiltYet",
        )
