"""RunDetails: how a run stands; live in a notebook, printed elsewhere. Needs no widget library (`penstock-sdk[notebook]` brings one)."""

import azureml._sentinel  # noqa: F401


class RunDetails:
    """`RunDetails(run).show()`: in a notebook status, graph, steps and metrics, changing as the run goes on; elsewhere a few lines."""

    def __init__(self, run_instance):
        self._run = run_instance

    def show(self, render_lib=None, widget_settings=None):
        """Shows the run as it is now, and in a notebook until it is over. Returns at once."""
        from azureml.widgets import _live

        if not _live.in_notebook():
            self._print()
            return
        _live.show(self._page)

    def _page(self):
        from azureml.widgets._page import page

        return page(self._run)

    def _print(self):
        dto = self._run._refresh()
        label = {"pipeline": "PipelineRun", "step": "StepRun"}.get(dto["type"], "Run")
        print("{} {}: {}".format(label, dto["id"], self._run.get_status()))
        for name, status in self._steps():
            print("  {:<40} {}".format(name, status))
        print("Link to the run page: {}".format(self._run.get_portal_url()))

    def _steps(self):
        if self._run._run_dto["type"] != "pipeline":
            return []
        return [(s._run_dto["name"], s._run_dto["status"]) for s in self._run.get_children()]

    def get_widget_data(self, widget_settings=None):
        """The run as a dictionary."""
        dto = self._run._refresh()
        return {
            "status": dto["status"],
            "run_id": dto["id"],
            "run_properties": dto,
            "child_runs": [{"name": name, "status": status} for name, status in self._steps()],
        }

    def _repr_html_(self):
        return self._page()[0]


class ParallelRunStepDetails(RunDetails):
    """The same for a ParallelRunStep's run."""

    def __init__(self, run_instance=None, step_name=None, workspace=None, run_id=None, step_run_id=None):
        if run_instance is None:
            if workspace is None or not (step_run_id or run_id):
                raise ValueError(
                    "ParallelRunStepDetails shows a run: give run_instance, or workspace with run_id or step_run_id."
                )
            run_instance = workspace.get_run(step_run_id or run_id)
        if step_name is not None and run_instance._run_dto["type"] == "pipeline":
            run_instance = _step_of(run_instance, step_name)
        RunDetails.__init__(self, run_instance)


def _step_of(run, name):
    found = run.find_step_run(name)
    if not found:
        names = ", ".join(sorted(repr(step.name) for step in run.get_children()))
        raise ValueError(
            "Pipeline run {} has no step called {!r}. Give the name of one of its steps: {}.".format(
                run.id, name, names or "it has none"
            )
        )
    return found[0]
