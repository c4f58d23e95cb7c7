"""AutoMLRun. Not built yet in this version of Penstock."""

from azureml.core.run import _not_built


class AutoMLRun:
    """A search over models that was submitted."""

    def __init__(self, experiment, run_id, **kwargs):
        self.experiment = experiment
        self.id = run_id

    def get_best_child(self, metric=None, onnx_compatible=False, **kwargs):
        raise _not_built("AutoMLRun.get_best_child")

    def get_output(self, iteration=None, metric=None, return_onnx_model=False, return_split_onnx_model=None, **kwargs):
        raise _not_built("AutoMLRun.get_output")

    def register_model(self, model_name=None, description=None, tags=None, iteration=None, metric=None):
        raise _not_built("AutoMLRun.register_model")

    def wait_for_completion(self, show_output=False, wait_post_processing=False):
        raise _not_built("AutoMLRun.wait_for_completion")
