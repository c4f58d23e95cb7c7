"""Local paths as authors write them: relative ones, pathlib's, and those that begin with `~`."""

import os


def absolute(path):
    """`path` from the root; a leading `~` is the home of whoever runs this, as a shell would have it."""
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def local(path):
    """`path` as it was given, but for a leading `~`."""
    return os.path.expanduser(os.fspath(path))
