"""Keyvault: the workspace's secrets. The server keeps them encrypted; a value travels only when it is asked for by name."""

import azureml._sentinel  # noqa: F401


class Keyvault:
    """The secrets of a workspace: `ws.get_default_keyvault()`."""

    def __init__(self, workspace):
        self._workspace = workspace

    def get_secret(self, name):
        """The value of a secret; UserErrorException when there is none of that name."""
        return self._secret(name)["value"]

    def get_secrets(self, secrets):
        """{name: value}; None for a name that has no secret."""
        known = {s["name"] for s in self._workspace._values("secrets")}
        return {name: self.get_secret(name) if name in known else None for name in _names(secrets)}

    def get_secret_content_type(self, name):
        """What was said of the value when it was set, or None."""
        return self._secret(name)["content_type"]

    def list_secrets(self):
        """[{"name": name, "contentType": what was said of it}], by name."""
        return [{"name": s["name"], "contentType": s["content_type"]} for s in self._workspace._values("secrets")]

    def set_secret(self, name, value, content_type=None):
        """Keeps `value` (text) under `name` (letters, digits and '-'), in place of what was there."""
        if not isinstance(value, str):
            raise _user_error("The value of secret {!r} is a {}. Give text.".format(name, type(value).__name__))
        self._workspace._call("PUT", _path(name), {"value": value, "content_type": content_type})

    def set_secrets(self, secrets_batch):
        """Keeps each of {name: value}."""
        if not isinstance(secrets_batch, dict):
            raise _user_error("set_secrets takes a dictionary of names and values.")
        for name, value in secrets_batch.items():
            self.set_secret(name, value)

    def delete_secret(self, name):
        """Forgets a secret; one that is not there is gone already."""
        self._workspace._call("DELETE", _path(name))

    def delete_secrets(self, secrets):
        for name in _names(secrets):
            self.delete_secret(name)

    def _secret(self, name):
        return self._workspace._call("GET", _path(name))

    def __repr__(self):
        return "Keyvault(Workspace: {})".format(self._workspace.name)


def _names(secrets):
    return [secrets] if isinstance(secrets, str) else list(secrets)


def _path(name):
    from azureml._client.client import segment

    if not isinstance(name, str) or not name:
        raise _user_error("A secret's name must be text, but is {!r}.".format(name))
    return "secrets/" + segment(name)


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
