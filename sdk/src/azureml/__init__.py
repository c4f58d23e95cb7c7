"""The SDK v1 names, carried by Penstock (penstock-sdk)."""

from azureml._msrest import install as _install

_DISTRIBUTION = "penstock-sdk"  # the sentinel of azureml/_sentinel.py: Microsoft's files do not set it
_install()
