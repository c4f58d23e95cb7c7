"""The parts of a pipeline. Each class is imported from the module that defines it when it is first named."""

import azureml._sentinel  # noqa: F401  (refuses when foreign files have overwritten ours)
from azureml._names import reexport

_PREFIX = "azureml.pipeline.core."
_HOMES = {
    name: _PREFIX + home
    for home, names in {
        "builder": "PipelineData PipelineStep StepSequence",
        "graph": "InputPortBinding OutputPortBinding PipelineDataset PipelineParameter PortDataReference TrainingOutput",
        "module": "Module ModuleVersion ModuleVersionDescriptor",
        "pipeline": "Pipeline",
        "pipeline_draft": "PipelineDraft",
        "pipeline_endpoint": "PipelineEndpoint",
        "pipeline_output_dataset": "PipelineOutputAbstractDataset PipelineOutputFileDataset "
        "PipelineOutputTabularDataset",
        "published_pipeline": "PublishedPipeline",
        "run": "PipelineRun StepRun StepRunOutput",
        "schedule": "Schedule ScheduleRecurrence TimeZone",
    }.items()
    for name in names.split()
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = reexport(__name__, _HOMES)
