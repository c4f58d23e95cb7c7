"""The sections of a RunConfiguration. Settings only: they are recorded with the step."""

from azureml.core._sections import Section, number


class HistoryConfiguration(Section):
    _defaults = {
        "output_collection": True,
        "snapshot_project": True,
        "directories_to_watch": lambda: ["logs"],
    }

    def __init__(self):
        Section.__init__(self)


class SparkConfiguration(Section):
    _defaults = {
        "configuration": lambda: {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1},
    }

    def __init__(self):
        Section.__init__(self)


class HdiConfiguration(Section):
    _defaults = {"yarn_deploy_mode": "cluster"}

    def __init__(self):
        Section.__init__(self)


class TensorflowConfiguration(Section):
    _defaults = {"worker_count": 1, "parameter_server_count": 1}

    def __init__(self, worker_count=1, parameter_server_count=1):
        Section.__init__(
            self,
            worker_count=number(worker_count, "worker_count", 1),
            parameter_server_count=number(parameter_server_count, "parameter_server_count", 0),
        )


class MpiConfiguration(Section):
    _defaults = {"process_count_per_node": 1, "node_count": 1}

    def __init__(self, process_count_per_node=1, node_count=1):
        Section.__init__(
            self,
            process_count_per_node=number(process_count_per_node, "process_count_per_node", 1),
            node_count=number(node_count, "node_count", 1),
        )


class PyTorchConfiguration(Section):
    _defaults = {"communication_backend": "Nccl", "process_count": None, "node_count": 1}

    def __init__(self, communication_backend="Nccl", process_count=None, node_count=1):
        Section.__init__(
            self,
            communication_backend=communication_backend,
            process_count=None if process_count is None else number(process_count, "process_count", 1),
            node_count=number(node_count, "node_count", 1),
        )


class ParallelTaskConfiguration(Section):
    _defaults = {"max_retries_per_worker": 0, "worker_count_per_node": 1, "terminal_exit_codes": None}

    def __init__(self):
        Section.__init__(self)


class AmlComputeConfiguration(Section):
    _defaults = {
        "name": None,
        "vm_size": None,
        "vm_priority": None,
        "location": None,
        "retain_cluster": False,
        "node_count": None,
    }
    _camel = {"node_count": "clusterMaxNodeCount"}

    def __init__(self):
        Section.__init__(self)


class KubernetesComputeConfiguration(Section):
    _defaults = {"instance_type": None}

    def __init__(self):
        Section.__init__(self)


class DockerConfiguration(Section):
    """Whether and how a run uses Docker. Recorded; Penstock runs steps without it unless the compute says otherwise."""

    _defaults = {"use_docker": False, "shared_volumes": True, "arguments": list, "shm_size": "2g"}

    def __init__(self, use_docker=False, shared_volumes=True, arguments=None, shm_size="2g"):
        Section.__init__(
            self,
            use_docker=use_docker,
            shared_volumes=shared_volumes,
            arguments=list(arguments or []),
            shm_size=shm_size,
        )


class AzureContainerRegistry(Section):
    _defaults = {"registry": None}

    def __init__(self):
        Section.__init__(self)


class ApplicationEndpointConfiguration(Section):
    _defaults = {"type": None, "port": None, "properties": dict}

    def __init__(self, type=None, port=None, properties=None):
        Section.__init__(self, type=type, port=port, properties=properties or {})


class DataReferenceConfiguration(Section):
    _defaults = {
        "data_store_name": None,
        "path_on_data_store": None,
        "mode": "mount",
        "overwrite": False,
        "path_on_compute": None,
    }

    def __init__(
        self, datastore_name=None, mode="mount", path_on_datastore=None, path_on_compute=None, overwrite=False
    ):
        Section.__init__(
            self,
            data_store_name=datastore_name,
            path_on_data_store=path_on_datastore,
            mode=mode,
            overwrite=overwrite,
            path_on_compute=path_on_compute,
        )

    @property
    def datastore_name(self):
        return self.data_store_name

    @property
    def path_on_datastore(self):
        return self.path_on_data_store


class Dataset(Section):
    """A dataset named in a run configuration."""

    _defaults = {"id": None, "name": None, "version": None}
    _camel = {"id": "datasetId", "name": "datasetName", "version": "datasetVersion"}

    def __init__(self, dataset_id=None, dataset_name=None, dataset_version=None):
        Section.__init__(self, id=dataset_id, name=dataset_name, version=dataset_version)


class DataPath(Section):
    """A path on a datastore, by the datastore's name."""

    _defaults = {"datastore_name": None, "relative_path": None}

    def __init__(self, datastore_name=None, relative_path=None):
        Section.__init__(self, datastore_name=datastore_name, relative_path=relative_path)


class Uri(Section):
    _defaults = {"path": None, "is_file": False}

    def __init__(self, path=None, is_file=False):
        Section.__init__(self, path=path, is_file=is_file)


class DataLocation(Section):
    _defaults = {"dataset": None, "data_path": None, "uri": None}

    def __init__(self, dataset=None, data_path=None, uri=None):
        Section.__init__(self, dataset=dataset, data_path=data_path, uri=uri)


class Data(Section):
    """An input of a run configuration."""

    _defaults = {
        "data_location": None,
        "create_output_directories": None,
        "mechanism": "direct",
        "environment_variable_name": None,
        "path_on_compute": None,
        "overwrite": False,
        "options": None,
    }

    def __init__(
        self,
        data_location=None,
        create_output_directories=None,
        mechanism="direct",
        environment_variable_name=None,
        path_on_compute=None,
        overwrite=False,
        options=None,
    ):
        given = dict(locals())
        Section.__init__(self, **{name: given[name] for name in self._defaults})

    @staticmethod
    def create(data):
        """The section for a DatasetConsumptionConfig."""
        dataset = getattr(data.dataset, "id", None)
        return Data(
            DataLocation(Dataset(dataset)),
            mechanism=data.mode,
            environment_variable_name=data.name,
            path_on_compute=data.path_on_compute,
        )


class DatacacheConfiguration(Section):
    _defaults = {
        "dataset_id": None,
        "datacache_store": None,
        "datacache_id": None,
        "mode": "mount",
        "path_on_compute": None,
        "replica": None,
        "failure_fallback": False,
    }

    def __init__(
        self,
        dataset_id=None,
        datacache_store=None,
        datacache_id=None,
        mode="mount",
        path_on_compute=None,
        replica=None,
        failure_fallback=False,
    ):
        given = dict(locals())
        Section.__init__(self, **{name: given[name] for name in self._defaults})

    @staticmethod
    def create(data):
        return DatacacheConfiguration(getattr(data, "dataset_id", None))


class DatasetRegistrationOptions(Section):
    _defaults = {"additional_transformations": None}

    def __init__(self, additional_transformations=None):
        Section.__init__(self, additional_transformations=additional_transformations)


class RegistrationOptions(Section):
    _defaults = {"name": None, "description": None, "tags": None, "dataset_registration_options": None}

    def __init__(self, name=None, description=None, tags=None, dataset_registration_options=None):
        given = dict(locals())
        Section.__init__(self, **{key: given[key] for key in self._defaults})


class GlobsOptions(Section):
    _defaults = {"patterns": None}

    def __init__(self, patterns=None):
        Section.__init__(self, patterns=patterns)


class UploadOptions(Section):
    _defaults = {"overwrite": False, "source_globs": None}

    def __init__(self, overwrite=False, source_globs=None):
        Section.__init__(self, overwrite=overwrite, source_globs=source_globs)


class MountOptions(Section):
    _defaults = {"disable_metadata_cache": False}

    def __init__(self, disable_metadata_cache=False):
        Section.__init__(self, disable_metadata_cache=disable_metadata_cache)


class OutputOptions(Section):
    _defaults = {"path_on_compute": None, "registration_options": None, "upload_options": None, "mount_options": None}

    def __init__(self, path_on_compute=None, registration_options=None, upload_options=None, mount_options=None):
        given = dict(locals())
        Section.__init__(self, **{name: given[name] for name in self._defaults})


class OutputData(Section):
    """An output of a run configuration."""

    _defaults = {"output_location": None, "mechanism": "mount", "additional_options": None}

    def __init__(self, output_location=None, mechanism="mount", additional_options=None):
        Section.__init__(
            self, output_location=output_location, mechanism=mechanism, additional_options=additional_options
        )
