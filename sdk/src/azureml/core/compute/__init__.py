"""Compute targets. Each class is imported from its own module when it is first named."""

from azureml._names import reexport

_PREFIX = "azureml.core.compute."
_HOMES = {
    "AmlCompute": "amlcompute",
    "ComputeInstance": "computeinstance",
    "ComputeTarget": "compute",
    "ComputeTargetException": "compute",
}
_HOMES.update(
    dict.fromkeys(
        [
            "AdlaCompute",
            "AksCompute",
            "BatchCompute",
            "DataFactoryCompute",
            "DatabricksCompute",
            "DsvmCompute",
            "HDInsightCompute",
            "KubernetesCompute",
            "KustoCompute",
            "RemoteCompute",
            "SynapseCompute",
        ],
        "attached",
    )
)
_HOMES = {name: _PREFIX + home for name, home in _HOMES.items()}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = reexport(__name__, _HOMES)
