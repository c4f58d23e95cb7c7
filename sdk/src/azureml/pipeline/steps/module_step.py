"""ModuleStep: a published module as a step."""

from azureml.pipeline.core.module_step_base import ModuleStepBase


class ModuleStep(ModuleStepBase):
    """Azure: the same class."""
