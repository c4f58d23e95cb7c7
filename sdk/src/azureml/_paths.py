"""Local paths as authors write them: relative ones, pathlib's, and those that begin with `~`."""

import os

_MOST = 1000
_normal = {}  # thousands of steps share a folder; no functools for it, which every process of a step would load


def absolute(path):
    """`path` from the root; a leading `~` is the home of whoever runs this, as a shell would have it."""
    path = os.fspath(path)
    found = _normal.get(path)
    if found is not None:
        return found
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        return os.path.abspath(path)
    if len(_normal) >= _MOST:
        _normal.clear()
    found = _normal[path] = os.path.normpath(path)
    return found


def local(path):
    """`path` as it was given, but for a leading `~`."""
    return os.path.expanduser(os.fspath(path))
