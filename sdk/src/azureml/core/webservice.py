"""Webservices: deploying models is no part of Penstock yet. The names import; making one says so."""

import azureml._sentinel  # noqa: F401
from azureml.core.run import _not_built


class Webservice:
    """A deployed model."""

    def __init__(self, workspace, name):
        from azureml.exceptions import WebserviceException

        raise WebserviceException(
            "WebserviceNotFound: Webservice with name {} not found in provided workspace. Deploying models is not built "
            "in this version of Penstock.".format(name),
            status_code=404,
        )

    @staticmethod
    def list(workspace, *args, **kwargs):
        """[]: nothing can be deployed."""
        return []

    @staticmethod
    def deploy(
        workspace, name, model_paths, image_config, deployment_config=None, deployment_target=None, overwrite=False
    ):
        raise _not_built("Webservice.deploy")


class AciWebservice(Webservice):
    """A container that serves a model."""

    @staticmethod
    def deploy_configuration(*args, **kwargs):
        raise _not_built("AciWebservice.deploy_configuration")


class AksWebservice(Webservice):
    """A cluster that serves a model."""

    @staticmethod
    def deploy_configuration(*args, **kwargs):
        raise _not_built("AksWebservice.deploy_configuration")


class LocalWebservice(Webservice):
    """This machine serving a model."""

    @staticmethod
    def deploy_configuration(port=None):
        raise _not_built("LocalWebservice.deploy_configuration")
