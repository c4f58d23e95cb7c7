"""Local files while they are sent: what is to be done when one goes or changes meanwhile. Light: a step's uploads need it."""

_CHUNK = 1 << 20


def opened(path):
    """The file, to read its bytes. UserErrorException when it is there no more, or may not be read."""
    try:
        return open(path, "rb")
    except FileNotFoundError:
        said = "{} was removed while it was being uploaded. Upload again when nothing changes it.".format(path)
    except OSError as error:
        said = "{} cannot be read: {}. Make it readable, or leave it out.".format(path, error.strerror or error)
    raise _of_a_file(said)


def pieces(file, size):
    """The next `size` bytes of `file`, and no more should it grow; None: all. UserErrorException when it has become shorter."""
    while size is None or size > 0:
        piece = file.read(_CHUNK if size is None else min(_CHUNK, size))
        if not piece:
            if size is None:
                return
            raise changed(getattr(file, "name", "What is uploaded"))
        size = None if size is None else size - len(piece)
        yield piece


def changed(path):
    return _of_a_file(
        "{} was written to while it was being uploaded. Upload again when nothing writes to it.".format(path)
    )


def _of_a_file(message):
    from azureml.exceptions import UserErrorException

    error = UserErrorException(message)
    error.is_of_a_file = True  # what logs a picture tells it apart from a user's mistake
    return error
