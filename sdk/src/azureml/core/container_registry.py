"""ContainerRegistry: where an image is pulled from. Recorded with the environment."""

from azureml.core._sections import Section


class ContainerRegistry(Section):
    _defaults = {
        "address": None,
        "username": None,
        "password": None,
        "registry_identity": None,
    }

    def _as_dict(self):
        """Without the password: what is recorded with a run is shown to everybody."""
        shown = Section._as_dict(self)
        if shown["password"]:
            shown["password"] = "*****"
        return shown
