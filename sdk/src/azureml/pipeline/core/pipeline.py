"""Pipeline: steps that are submitted together. Knows the API's calls for a submission, not how a server is found."""

import os

from azureml._graph.lower import lower
from azureml._graph.scope import Scope
from azureml._paths import absolute


class Pipeline:
    """`steps`: a step, PipelineData (its producer), a StepSequence, or a list of these, nested as you like."""

    def __init__(
        self,
        workspace,
        steps,
        description=None,
        default_datastore=None,
        default_source_directory=None,
        resolve_closure=True,
        _workflow_provider=None,
        _service_endpoint=None,
        **kwargs,
    ):
        for name in kwargs:
            raise ValueError("parameter {} is not recognized for Pipeline ".format(name))
        self._workspace = workspace
        self._steps = steps
        self._default_source_directory = absolute(default_source_directory or os.getcwd())
        self._options = {
            "description": description,
            "default_datastore": default_datastore,
            "resolve_closure": resolve_closure,
            "workspace": workspace,
        }
        self._experiment_name = None
        self._graph = None
        self._sent = None  # the last graph that was sent: nothing was wrong with it
        self._lower_dry()

    @property
    def workspace(self):
        return self._workspace

    @property
    def description(self):
        return self._options["description"]

    @property
    def graph(self):
        """The graph as it stands, for looking at."""
        if self._graph is None:
            from azureml.pipeline.core._graph_view import Graph

            self._graph = Graph._of(self, self._lower_dry())
        return self._graph

    def _set_experiment_name(self, name):
        self._experiment_name = name

    def service_endpoint(self):
        return self._workspace._client.url

    def _repr_html_(self):
        from azureml._runs.drawing import drawing, of_graph

        return drawing(*of_graph(self._lower_dry().graph))

    def __repr__(self):
        lowered = self._lower_dry()
        return "Pipeline(steps=[{}])".format(", ".join(step.name for _, step in lowered.steps))

    # --- lowering -------------------------------------------------------------------------------------------------

    def _lower_dry(self):
        return lower(self._steps, self._options, Scope(self._default_source_directory))

    def _lower(self, snapshot_of=None, dataset_id_of=None):
        """The Graph JSON of docs/graph.md. `snapshot_of(folder)` gives a digest, `dataset_id_of(dataset)` an id."""
        return self._lower_whole(snapshot_of, dataset_id_of).graph

    def _lower_whole(self, snapshot_of, dataset_id_of):
        return lower(self._steps, self._options, Scope(self._default_source_directory, snapshot_of, dataset_id_of))

    def validate(self):
        """What is wrong with the pipeline, as sentences; [] when it can be submitted."""
        lowered = self._lower_dry()
        problems = _problems(lowered)
        for node_id, step in lowered.steps if not problems else ():
            print("Step {} is ready to be created [{}]".format(step.name, node_id))
        return problems

    # --- submitting -----------------------------------------------------------------------------------------------

    def submit(
        self,
        experiment_name,
        pipeline_parameters=None,
        continue_on_step_failure=False,
        regenerate_outputs=False,
        parent_run_id=None,
        credential_passthrough=None,
        timeout_seconds=None,
        **kwargs,
    ):
        """Submits this pipeline to an experiment and gives back its PipelineRun.

        `timeout_seconds` (Penstock's own): a run that takes longer is stopped and ends as Failed.
        """
        pipeline_parameters = deprecated_alias(pipeline_parameters, kwargs)
        for name in kwargs:
            raise ValueError("parameter {} is not recognized for Pipeline.submit ".format(name))
        from azureml.core.experiment import Experiment

        return self._submit(
            Experiment(self._workspace, experiment_name),
            pipeline_parameters=pipeline_parameters,
            continue_on_step_failure=continue_on_step_failure,
            regenerate_outputs=regenerate_outputs,
            parent_run_id=parent_run_id,
            credential_passthrough=credential_passthrough,
            timeout_seconds=timeout_seconds,
        )

    def plan(self, pipeline_parameters=None, regenerate_outputs=False):
        """Penstock's own: which steps would run if this were submitted now, and why; Decisions, which print as text. Nothing runs."""
        from azureml._graph.submission import plan
        from azureml.pipeline.core._decision import decisions

        return decisions(plan(self, pipeline_parameters or {}, regenerate_outputs))

    def _submit(
        self,
        experiment,
        tags=None,
        pipeline_parameters=None,
        continue_on_step_failure=False,
        regenerate_outputs=False,
        parent_run_id=None,
        credential_passthrough=None,
        display_name=None,
        properties=None,
        timeout_seconds=None,
        **kwargs,
    ):
        """Called by Experiment.submit; what it does not know it ignores, as the original does."""
        from azureml._graph.submission import submit

        return submit(
            self,
            experiment,
            {
                "parameters": deprecated_alias(pipeline_parameters, kwargs) or {},
                "tags": tags or {},
                "properties": properties or {},
                "display_name": display_name,
                "continue_on_step_failure": bool(continue_on_step_failure),
                "regenerate_outputs": bool(regenerate_outputs),
                "parent_run_id": parent_run_id,
                "timeout_seconds": timeout_seconds,
            },
        )

    # --- publishing -------------------------------------------------------------------------------------------------

    def publish(self, name=None, description=None, version=None, continue_on_step_failure=None):
        """Publishes this pipeline under an id of its own."""
        from azureml.pipeline.core.published_pipeline import PublishedPipeline

        return PublishedPipeline._publish(self, name, description, version, continue_on_step_failure)

    @staticmethod
    def load_yaml(workspace, filename, _workflow_provider=None, _service_endpoint=None):
        """The pipeline that the YAML file describes; ValueError for what it says wrongly."""
        from azureml.pipeline.core._load_yaml import load_pipeline

        return load_pipeline(workspace, filename)


def _problems(lowered):
    from azureml._graph.validate import problems

    if lowered.cycle is not None:
        name = {node_id: step.name for node_id, step in lowered.steps}[lowered.cycle]
        found = ["Cycle detected including node {}({})".format(name, lowered.cycle)]
        return found + [p for p in problems(lowered.graph) if not p.startswith("Cycle")]
    return problems(lowered.graph)


def deprecated_alias(pipeline_parameters, kwargs):
    """The values of the parameters, by whichever of their two names they were given."""
    alias = kwargs.pop("pipeline_params", None)
    if alias is None:
        return pipeline_parameters
    if pipeline_parameters is not None:
        raise ValueError("pipeline_params is an old name of pipeline_parameters: give only one of them.")
    import warnings

    warnings.warn("pipeline_params is deprecated: use pipeline_parameters.", DeprecationWarning, stacklevel=4)
    return alias
