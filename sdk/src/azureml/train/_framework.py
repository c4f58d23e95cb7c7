"""The base of the estimators that name a framework."""

from azureml.train.estimator import Estimator


class FrameworkEstimator(Estimator):
    """An Estimator with the framework's packages added; `framework_version` defaults to the newest listed."""

    _packages = ()
    _versions = ()

    def __init__(self, source_directory, framework_version=None, _enable_optimized_mode=False, **kwargs):
        version = framework_version or (self._versions[-1] if self._versions else None)
        if framework_version and framework_version not in self._versions:
            raise ValueError(
                "{} version {!r} is not known. Use one of {}, or an Estimator with pip_packages.".format(
                    type(self).__name__, framework_version, ", ".join(self._versions)
                )
            )
        if kwargs.get("environment_definition") is None:
            wanted = [package.format(version) for package in self._packages]
            kwargs["pip_packages"] = wanted + list(kwargs.get("pip_packages") or [])
        self._framework_version = version
        Estimator.__init__(self, source_directory, **kwargs)

    @property
    def framework_version(self):
        return self._framework_version

    @classmethod
    def get_supported_versions(cls):
        return list(cls._versions)
