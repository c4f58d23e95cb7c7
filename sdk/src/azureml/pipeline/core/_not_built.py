"""The one error for what has a name here but no engine yet."""


def not_built(what):
    """Raises the UserErrorException that names `what`."""
    from azureml.exceptions import UserErrorException

    raise UserErrorException("{} is not built yet in this version of Penstock.".format(what), code="NotBuiltYet")
