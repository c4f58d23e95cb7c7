"""The core classes. Each is imported from the module that defines it when it is first named."""

import azureml._sentinel  # noqa: F401
from azureml._names import reexport

VERSION = "1.61.0+penstock"
__version__ = VERSION

_PREFIX = "azureml.core."
_HOMES = {
    name: _PREFIX + home
    for home, names in {
        "compute": "ComputeTarget",
        "container_registry": "ContainerRegistry",
        "dataset": "Dataset",
        "datastore": "Datastore",
        "environment": "Environment",
        "experiment": "Experiment",
        "keyvault": "Keyvault",
        "linked_service": "LinkedService SynapseWorkspaceLinkedServiceConfiguration",
        "model": "Model",
        "private_endpoint": "PrivateEndPoint PrivateEndPointConfig",
        "run": "Run",
        "runconfig": "RunConfiguration",
        "script_run": "ScriptRun",
        "script_run_config": "ScriptRunConfig",
        "webservice": "Webservice",
        "workspace": "Workspace",
    }.items()
    for name in names.split()
}
__all__ = sorted(_HOMES) + ["VERSION"]
__getattr__, __dir__ = reexport(__name__, _HOMES)
