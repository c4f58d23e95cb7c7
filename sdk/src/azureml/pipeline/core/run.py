"""PipelineRun and StepRun, and what steps leave behind. Pipelines and steps say Finished where plain runs say Completed."""

import sys

from azureml.core.run import Run, _listed, _segment

PIPELINE_STATUSES = {"NotStarted": 0, "Running": 1, "Failed": 2, "Finished": 3, "Canceled": 4}
STEP_STATUSES = {
    "NotStarted": 0,
    "Queued": 1,
    "Running": 2,
    "Failed": 3,
    "Finished": 4,
    "Canceled": 5,
    "PartiallyExecuted": 6,
    "Bypassed": 7,
}


class PipelineRun(Run):
    """A run of a pipeline: its steps are its children."""

    _step_names = None  # of a run that was submitted here: run id -> name
    _all_stand = False  # it had completed when its submission was answered: earlier steps stand for all of it

    def __init__(self, experiment, run_id, _service_endpoint=None, **kwags):
        Run.__init__(self, experiment, run_id, **kwags)

    @staticmethod
    def get(workspace, run_id, _service_endpoint=None):
        """The pipeline run with this id."""
        run = Run.get(workspace, run_id)
        if not isinstance(run, PipelineRun):
            from azureml.exceptions import UserErrorException

            raise UserErrorException("Run {} is not a pipeline run. Use Run.get for it.".format(run_id))
        return run

    @staticmethod
    def get_pipeline_runs(workspace, pipeline_id, _service_endpoint=None):
        """The runs of a published pipeline, newest first."""
        from azureml._runs.kinds import find_runs

        return list(find_runs(workspace, None, "pipeline", pipeline_id=str(pipeline_id)))

    def get_status(self):
        """NotStarted, Running, Failed, Finished or Canceled."""
        return _pipeline_status(self._refresh()["status"])

    def get_steps(self):
        """The runs of the steps, in the order they started."""
        return self.get_children()

    def find_step_run(self, name):
        """The runs of the steps called `name`; [] when there is none."""
        return [run for run in self.get_children() if run.name == name]

    def get_pipeline_output(self, pipeline_output_name):
        """The data of the output that was given this pipeline_output_name."""
        outputs = _outputs(self)
        for output in outputs:
            if output.get("pipeline_output_name") == pipeline_output_name:
                return PortDataReference(self._workspace, self.id, output)
        names = sorted(o["pipeline_output_name"] for o in outputs if o.get("pipeline_output_name"))
        raise ValueError(
            "Pipeline run {} has no output called {!r}. It has: {}. Give PipelineData a pipeline_output_name.".format(
                self.id, pipeline_output_name, ", ".join(names) or "none"
            )
        )

    def wait_for_completion(self, show_output=True, timeout_seconds=sys.maxsize, raise_on_error=True):
        """Waits for the end; the final status. ActivityFailedException when it failed and raise_on_error."""
        from azureml._runs.watch import wait_for_pipeline

        return wait_for_pipeline(self, show_output, timeout_seconds, raise_on_error)

    def publish_pipeline(self, name, description, version, continue_on_step_failure=None, **kwargs):
        """Publishes the pipeline that this is a run of."""
        from azureml.pipeline.core.published_pipeline import PublishedPipeline

        return PublishedPipeline._publish_run(self, name, description, version, continue_on_step_failure)

    def get_graph(self):
        """The graph that was submitted, for looking at."""
        from azureml.pipeline.core._graph_view import Graph

        return Graph._of_kept(self._workspace, self._call("GET", "runs/{}/graph".format(_segment(self.id))))

    def save(self, path=None):
        """Writes the pipeline as YAML to a file, or into a folder (default: the working one) as pipeline.yml."""
        self.get_graph()._save(path, "pipeline")

    def why(self):
        """Penstock's own: for each step, why it ran or which earlier one was reused in its place; Decisions, which print as text."""
        from azureml.pipeline.core._decision import decisions

        return decisions(self._workspace._call("GET", "runs/{}/why".format(self.id)))

    def complete(self):
        raise NotImplementedError("A pipeline run is completed by its steps.")

    def fail(self):
        raise NotImplementedError("A pipeline run fails by its steps. cancel() stops it.")

    def child_run(self, name=None, run_id=None, outputs=None):
        raise NotImplementedError("A pipeline run has no child runs but its steps.")


class StepRun(Run):
    """A run of one step of a pipeline."""

    def __init__(
        self,
        experiment,
        step_run_id,
        pipeline_run_id=None,
        node_id=None,
        _service_endpoint=None,
        _is_reused=False,
        _current_node_id=None,
        _reused_run_id=None,
        _reused_node_id=None,
        _reused_pipeline_run_id=None,
        **kwargs,
    ):
        Run.__init__(self, experiment, step_run_id, **kwargs)
        self._pipeline_run_id = pipeline_run_id
        self._node_id = node_id
        self._is_reused = _is_reused

    @staticmethod
    def get(workspace, run_id):
        return Run.get(workspace, run_id)

    @property
    def pipeline_run_id(self):
        return self._pipeline_run_id or self._run_dto.get("root_id")

    def get_status(self):
        """NotStarted, Queued, Running, Failed, Finished or Canceled."""
        return _step_status(self._refresh()["status"])

    def get_job_log(self, *args, **kwargs):
        """Everything that the step printed: its output, then its errors."""
        return self.get_stdout_log() + self.get_stderr_log()

    def get_stdout_log(self, *args, **kwargs):
        return self._text_of("azureml-logs/70_stdout.txt")

    def get_stderr_log(self, *args, **kwargs):
        return self._text_of("azureml-logs/75_stderr.txt")

    def get_outputs(self):
        """{name: StepRunOutput}."""
        return {
            output["name"]: StepRunOutput(self._workspace, self.pipeline_run_id, self, output["name"], output)
            for output in _outputs(self)
        }

    def get_output(self, name):
        """The output called `name`."""
        outputs = self.get_outputs()
        if name not in outputs:
            raise ValueError(
                "Step run {} ({}) has no output called {!r}. It has: {}.".format(
                    self.id, self.name, name, ", ".join(sorted(outputs)) or "none"
                )
            )
        return outputs[name]

    def get_output_data(self, name):
        """The data of the output called `name`."""
        return self.get_output(name).get_port_data_reference()

    def wait_for_completion(self, show_output=True, timeout_seconds=sys.maxsize, raise_on_error=True):
        """Waits for the end; the final status. ActivityFailedException when it failed and raise_on_error."""
        from azureml._runs.watch import wait_for_step

        return wait_for_step(self, show_output, timeout_seconds, raise_on_error)

    def why(self):
        """Penstock's own: why this step ran, or which earlier one was reused in its place; a Decision, which prints as text."""
        from azureml.pipeline.core._decision import decisions

        return decisions(self._workspace._call("GET", "runs/{}/why".format(self.id)))[0]

    def complete(self):
        raise NotImplementedError("A step run is completed by its script.")

    def fail(self):
        raise NotImplementedError("A step run fails by its script. cancel() stops it.")

    def child_run(self, name=None, run_id=None, outputs=None):
        raise NotImplementedError("A step run takes no child runs from outside its script.")


class StepRunOutput:
    """One output of a step run."""

    def __init__(self, context, pipeline_run_id, step_run, name, step_output):
        self._context = context
        self._pipeline_run_id = pipeline_run_id
        self.step_run = step_run
        self.name = name
        self._output = step_output

    def get_port_data_reference(self):
        """Where the output's data are."""
        return PortDataReference(self._context, self._pipeline_run_id, self._output, self.step_run)

    def __repr__(self):
        return "StepRunOutput(name={!r})".format(self.name)


class PortDataReference:
    """Data that a step wrote; it can be downloaded, or be an input of a later pipeline."""

    def __init__(self, context, pipeline_run_id, data_reference, step_run=None):
        self._workspace = context
        self.pipeline_run_id = pipeline_run_id
        self._step_run = step_run
        self._output = data_reference
        self._path_on_datastore = data_reference["path"]
        self._datastore = None

    @property
    def name(self):
        return self._output["name"]

    @property
    def datastore_name(self):
        return self._output["datastore"]

    @property
    def path_on_datastore(self):
        return self._path_on_datastore

    @property
    def datastore(self):
        if self._datastore is None:
            from azureml.core.datastore import Datastore

            self._datastore = Datastore.get(self._workspace, self.datastore_name)
        return self._datastore

    def download(self, local_path, overwrite=None, show_progress=None):
        """Downloads the data below `local_path`, under their whole path on the datastore; the number of files."""
        return self.datastore.download(
            local_path,
            prefix=self.path_on_datastore,
            overwrite=bool(overwrite),
            show_progress=True if show_progress is None else show_progress,
        )

    def as_input(self, input_name):
        return self.create_input_binding(input_name)

    def as_mount(self, input_name=None):
        return self.create_input_binding(input_name, "mount")

    def as_download(self, input_name=None, path_on_compute=None, overwrite=None):
        return self.create_input_binding(input_name, "download", path_on_compute, overwrite)

    def create_input_binding(self, input_name=None, mode=None, path_on_compute=None, overwrite=None):
        """This data as an input of a step."""
        from azureml.pipeline.core.graph import InputPortBinding

        return InputPortBinding(
            input_name or self.name,
            bind_object=self,
            bind_mode=mode or "mount",
            path_on_compute=path_on_compute,
            overwrite=overwrite,
        )

    def _reference(self):
        from azureml.data.data_reference import DataReference

        return DataReference(self.datastore, self.name, self.path_on_datastore)

    def _argument_keys(self):
        return (id(self), ("data", self.name))

    def _as_input_port(self):
        port = self._reference()._as_input_port()
        port.keys = self._argument_keys()
        return port

    def __repr__(self):
        return "PortDataReference(datastore={!r}, path_on_datastore={!r})".format(
            self.datastore_name, self.path_on_datastore
        )


def _outputs(run):
    return _listed(run._call("GET", "runs/{}/outputs".format(_segment(run.id))))


def _pipeline_status(status):
    return {"Completed": "Finished", "Failed": "Failed", "Canceled": "Canceled", "NotStarted": "NotStarted"}.get(
        status, "Running"
    )


def _step_status(status):
    return "Queued" if status == "Queued" else _pipeline_status(status)
