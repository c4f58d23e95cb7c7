"""Keyvault: the workspace's secrets. Not built yet: each call says so."""

import azureml._sentinel  # noqa: F401


class Keyvault:
    """The secrets of a workspace."""

    def __init__(self, workspace):
        self._workspace = workspace

    def _refuse(self, what):
        from azureml.exceptions import UserErrorException

        return UserErrorException(
            "Keyvault.{} is not built yet in this version of Penstock. Pass secrets to your scripts by environment "
            "variables until then.".format(what),
            code="NotBuiltYet",
        )

    def get_secret(self, name):
        raise self._refuse("get_secret")

    def get_secrets(self, secrets):
        raise self._refuse("get_secrets")

    def get_secret_content_type(self, name):
        raise self._refuse("get_secret_content_type")

    def list_secrets(self):
        raise self._refuse("list_secrets")

    def set_secret(self, name, value, content_type=None):
        raise self._refuse("set_secret")

    def set_secrets(self, secrets_batch):
        raise self._refuse("set_secrets")

    def delete_secret(self, name):
        raise self._refuse("delete_secret")

    def delete_secrets(self, secrets):
        raise self._refuse("delete_secrets")
