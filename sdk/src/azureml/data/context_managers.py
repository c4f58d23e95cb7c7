"""What FileDataset.mount() gives: a folder in which the files are while it is entered."""

import os
import shutil
import tempfile

from azureml._paths import local


class DatasetContextManager:
    """Copies the files when it starts and removes them when it stops."""

    def __init__(
        self, config, mount_point=None, ignore_already_mounted_error=False, force_mount_with_allow_other=False
    ):
        self._dataset = config
        self._own = mount_point is None
        self.mount_point = local(mount_point) if mount_point is not None else None

    def start(self):
        if self._own:
            self.mount_point = tempfile.mkdtemp(prefix="penstock-mount-")
        os.makedirs(self.mount_point, exist_ok=True)
        self._targets = self._dataset.download(self.mount_point, overwrite=True)

    def stop(self):
        if self._own and self.mount_point:
            shutil.rmtree(self.mount_point, ignore_errors=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.stop()
        return False


class DatastoreContextManager(DatasetContextManager):
    """The same for a datastore."""
