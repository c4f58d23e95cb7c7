"""AzureBatchStep: an executable on Azure Batch."""

from azureml._paths import absolute
from azureml.pipeline.core.builder import PipelineStep, check_compute_target


class AzureBatchStep(PipelineStep):
    _kind = "azure_batch"

    def __init__(
        self,
        name,
        create_pool=False,
        pool_id=None,
        delete_batch_job_after_finish=True,
        delete_batch_pool_after_finish=False,
        is_positive_exit_code_failure=True,
        vm_image_urn="urn:MicrosoftWindowsServer:WindowsServer:2012-R2-Datacenter",
        run_task_as_admin=False,
        target_compute_nodes=1,
        vm_size="standard_d1_v2",
        source_directory=None,
        executable=None,
        arguments=None,
        inputs=None,
        outputs=None,
        allow_reuse=True,
        compute_target=None,
        version=None,
    ):
        given = dict(locals())
        for setting in ("name", "compute_target", "executable"):
            if not given[setting]:
                raise ValueError("{} is required".format(setting))
        if not create_pool and not pool_id:
            raise ValueError("pool_id is required when create_pool is False")
        PipelineStep.__init__(self, name, inputs, outputs, _words(arguments), fix_port_name_collisions=True)
        self._compute_target = check_compute_target(compute_target, self.name, required=True)
        names = ("create_pool", "pool_id", "delete_batch_job_after_finish", "delete_batch_pool_after_finish")
        names += ("is_positive_exit_code_failure", "vm_image_urn", "run_task_as_admin", "target_compute_nodes")
        self._batch = {setting: given[setting] for setting in names + ("vm_size", "executable")}
        self._source_directory = source_directory
        self._allow_reuse = allow_reuse
        self._version = version

    def _code(self, default_source_directory):
        return (absolute(self._source_directory), None) if self._source_directory else None

    def _settings(self, scope):
        return dict(self._batch)


def _words(arguments):
    if isinstance(arguments, str):
        import shlex

        return shlex.split(arguments)
    return arguments
