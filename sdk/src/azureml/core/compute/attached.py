"""Computes that exist elsewhere and are attached by name: Databricks, Data Lake Analytics, Data Factory, Batch and their kin.

What they run is decided by their type and name. Passwords and keys given here are not sent: there is nowhere to keep them yet.
"""

from azureml.core.compute.compute import ComputeConfiguration, ComputeTarget
from azureml.exceptions import UserErrorException

_SECRETS = ("access_token", "application_key", "password", "private_key_file", "private_key_passphrase")


def _configuration(compute_type, given):
    """The configuration from an `attach_configuration`'s arguments, without its secrets."""
    return ComputeConfiguration(compute_type, {k: v for k, v in given.items() if k not in _SECRETS})


class _Attached(ComputeTarget):
    def get_credentials(self):
        """Azure: the credentials given at attachment. Penstock does not keep them."""
        raise UserErrorException("Compute '{}': its credentials are not kept here.".format(self.name))


class AdlaCompute(_Attached):
    _compute_type = "DataLakeAnalytics"

    @staticmethod
    def attach_configuration(resource_group=None, account_name=None, resource_id=None):
        return _configuration("DataLakeAnalytics", dict(locals()))


class AksCompute(_Attached):
    _compute_type = "AKS"

    @staticmethod
    def attach_configuration(
        resource_group=None,
        cluster_name=None,
        resource_id=None,
        cluster_purpose=None,
        load_balancer_type=None,
        load_balancer_subnet=None,
    ):
        return _configuration("AKS", dict(locals()))

    @staticmethod
    def provisioning_configuration(
        agent_count=None,
        vm_size=None,
        ssl_cname=None,
        ssl_cert_pem_file=None,
        ssl_key_pem_file=None,
        location=None,
        vnet_resourcegroup_name=None,
        vnet_name=None,
        subnet_name=None,
        service_cidr=None,
        dns_service_ip=None,
        docker_bridge_cidr=None,
        cluster_purpose=None,
        load_balancer_type=None,
        load_balancer_subnet=None,
    ):
        return _configuration("AKS", dict(locals()))

    def update(self, update_configuration):
        """Recorded only."""


class BatchCompute(_Attached):
    _compute_type = "Batch"

    @staticmethod
    def attach_configuration(resource_group=None, account_name=None, resource_id=None):
        return _configuration("Batch", dict(locals()))


class DataFactoryCompute(_Attached):
    _compute_type = "DataFactory"

    @staticmethod
    def attach_configuration(resource_group=None, factory_name=None, resource_id=None):
        return _configuration("DataFactory", dict(locals()))

    @staticmethod
    def provisioning_configuration(location=None):
        return _configuration("DataFactory", dict(locals()))


class DatabricksCompute(_Attached):
    _compute_type = "Databricks"

    @staticmethod
    def attach_configuration(resource_group=None, workspace_name=None, resource_id=None, access_token=""):
        return _configuration("Databricks", dict(locals()))


class DsvmCompute(_Attached):
    _compute_type = "DSVM"

    @staticmethod
    def provisioning_configuration(vm_size=None, ssh_port=None, location=None):
        return _configuration("DSVM", dict(locals()))


class HDInsightCompute(_Attached):
    _compute_type = "HDInsight"

    @staticmethod
    def attach_configuration(
        username,
        subscription_id=None,
        resource_group=None,
        cluster_name=None,
        resource_id=None,
        address=None,
        ssh_port="22",
        password="",
        private_key_file="",
        private_key_passphrase="",
    ):
        return _configuration("HDInsight", dict(locals()))


class KubernetesCompute(_Attached):
    _compute_type = "Kubernetes"

    @staticmethod
    def attach_configuration(resource_id=None, namespace=None, identity_type=None, identity_ids=None):
        return _configuration("Kubernetes", dict(locals()))


class KustoCompute(_Attached):
    _compute_type = "Kusto"

    @staticmethod
    def attach_configuration(
        resource_group=None,
        workspace_name=None,
        resource_id=None,
        tenant_id=None,
        kusto_connection_string=None,
        application_id=None,
        application_key=None,
    ):
        return _configuration("Kusto", dict(locals()))


class RemoteCompute(_Attached):
    _compute_type = "VirtualMachine"

    @staticmethod
    def attach_configuration(
        username,
        subscription_id=None,
        resource_group=None,
        vm_name=None,
        resource_id=None,
        address=None,
        ssh_port=22,
        password="",
        private_key_file="",
        private_key_passphrase="",
    ):
        return _configuration("VirtualMachine", dict(locals()))


class SynapseCompute(_Attached):
    _compute_type = "SynapseSpark"

    @staticmethod
    def attach_configuration(linked_service, type, pool_name):
        return _configuration("SynapseSpark", dict(locals()))
