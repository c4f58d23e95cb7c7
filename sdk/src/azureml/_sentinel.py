"""Refuses to go on when Microsoft's azureml-core has overwritten files of penstock-sdk in the same environment.

Imported by the modules that people import first; costs one attribute look-up. Knows nothing else.
"""

import azureml

if getattr(azureml, "_DISTRIBUTION", None) != "penstock-sdk":
    raise ImportError(
        "Microsoft's azureml-core is installed in the same environment as penstock-sdk and has overwritten some of its "
        "files ({}). Uninstall azureml-core and reinstall penstock-sdk, or give each an environment of its own.".format(
            getattr(azureml, "__file__", None) or "azureml"
        )
    )
