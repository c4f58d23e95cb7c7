"""Webservices: deploying models is no part of Penstock. Configurations are kept as given; whatever would deploy or call says so."""

import azureml._sentinel  # noqa: F401
from azureml.core.run import _not_built


def _refusing(name):
    """A method of a webservice: there never is one to call it on, but its name is known."""

    def refuse(self, *args, **kwargs):
        raise _not_built("Webservice." + name)

    refuse.__name__ = name
    return refuse


class Webservice:
    """A deployed model: there is none here, so making one is the original's "not found"."""

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

    add_properties = _refusing("add_properties")
    add_tags = _refusing("add_tags")
    auth_enabled = property(_refusing("auth_enabled"))
    delete = _refusing("delete")
    get_access_token = _refusing("get_access_token")
    get_keys = _refusing("get_keys")
    get_logs = _refusing("get_logs")
    get_token = _refusing("get_token")
    regen_key = _refusing("regen_key")
    remove_tags = _refusing("remove_tags")
    run = _refusing("run")
    scoring_uri = property(_refusing("scoring_uri"))
    serialize = _refusing("serialize")
    state = property(_refusing("state"))
    swagger_uri = property(_refusing("swagger_uri"))
    update = _refusing("update")
    update_deployment_state = _refusing("update_deployment_state")
    wait_for_deployment = _refusing("wait_for_deployment")


class _DeploymentConfiguration:
    """What a service was to be like: every setting is an attribute; Model.deploy, which would use it, is not built."""

    def __init__(self, settings):
        self.__dict__.update(settings)

    def __repr__(self):
        given = ["{}={!r}".format(k, v) for k, v in sorted(self.__dict__.items()) if v is not None]
        return "{}({})".format(type(self).__name__, ", ".join(given))


class AciServiceDeploymentConfiguration(_DeploymentConfiguration):
    """Of a container."""


class AksServiceDeploymentConfiguration(_DeploymentConfiguration):
    """Of a cluster."""


class LocalWebserviceDeploymentConfiguration(_DeploymentConfiguration):
    """Of this machine."""


class AciWebservice(Webservice):
    """A container that serves a model."""

    @staticmethod
    def deploy_configuration(
        cpu_cores=None,
        memory_gb=None,
        tags=None,
        properties=None,
        description=None,
        location=None,
        auth_enabled=None,
        ssl_enabled=None,
        enable_app_insights=None,
        ssl_cert_pem_file=None,
        ssl_key_pem_file=None,
        ssl_cname=None,
        dns_name_label=None,
        primary_key=None,
        secondary_key=None,
        collect_model_data=None,
        cmk_vault_base_url=None,
        cmk_key_name=None,
        cmk_key_version=None,
        vnet_name=None,
        subnet_name=None,
    ):
        return AciServiceDeploymentConfiguration(locals())


class AksWebservice(Webservice):
    """A cluster that serves a model."""

    @staticmethod
    def deploy_configuration(
        autoscale_enabled=None,
        autoscale_min_replicas=None,
        autoscale_max_replicas=None,
        autoscale_refresh_seconds=None,
        autoscale_target_utilization=None,
        collect_model_data=None,
        auth_enabled=None,
        cpu_cores=None,
        memory_gb=None,
        enable_app_insights=None,
        scoring_timeout_ms=None,
        replica_max_concurrent_requests=None,
        max_request_wait_time=None,
        num_replicas=None,
        primary_key=None,
        secondary_key=None,
        tags=None,
        properties=None,
        description=None,
        gpu_cores=None,
        period_seconds=None,
        initial_delay_seconds=None,
        timeout_seconds=None,
        success_threshold=None,
        failure_threshold=None,
        namespace=None,
        token_auth_enabled=None,
        compute_target_name=None,
        cpu_cores_limit=None,
        memory_gb_limit=None,
        blobfuse_enabled=None,
    ):
        return AksServiceDeploymentConfiguration(locals())


class LocalWebservice(Webservice):
    """This machine serving a model."""

    @staticmethod
    def deploy_configuration(port=None):
        return LocalWebserviceDeploymentConfiguration(locals())
