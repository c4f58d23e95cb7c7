"""Local paths as authors write them: relative ones, pathlib's, and those that begin with `~`."""

import os
from functools import lru_cache

_normal = lru_cache(maxsize=1000)(os.path.normpath)  # thousands of steps share a folder


def absolute(path):
    """`path` from the root; a leading `~` is the home of whoever runs this, as a shell would have it."""
    path = os.path.expanduser(os.fspath(path))
    return _normal(path) if os.path.isabs(path) else os.path.abspath(path)


def local(path):
    """`path` as it was given, but for a leading `~`."""
    return os.path.expanduser(os.fspath(path))
