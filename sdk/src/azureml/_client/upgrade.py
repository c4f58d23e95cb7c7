"""Replacing an idle server that is older than this SDK; a busy one is spoken to as it is. Knows versions and one call."""

import json
import os
import sys
import time

from azureml._client import SDK_VERSION

LEAVING_SECONDS = 10.0


def is_older(said, than):
    """Whether version `said` ('0.2.1') comes before `than`; False when either cannot be read."""
    try:
        return _numbers(said) < _numbers(than)
    except (AttributeError, ValueError):
        return False


def replace_older(record, connection, home):
    """Whether the server that `record` tells of was asked to leave, and has: then start the newer one.

    Only when this very interpreter would start one that is not older than the SDK; otherwise each script would do it again.
    A server with active runs answers 409 and stays.
    """
    if not is_older(record.get("version"), SDK_VERSION) or not _brings_newer(record, home):
        return False
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/shutdown", json.dumps({"force": False}), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status == 202 and _has_left(record)


def _brings_newer(record, home):
    from azureml._client.errors import ServerNotFoundError
    from azureml._client.start import find_python

    try:
        from importlib.metadata import version

        ours = version("penstock")
        return os.path.realpath(find_python(home)) == os.path.realpath(sys.executable) and is_older(
            record["version"], ours
        )
    except (ImportError, ServerNotFoundError):
        return False


def _has_left(record):
    """Whether the process is gone, or no longer listening, in time."""
    until = time.monotonic() + LEAVING_SECONDS
    while os.path.exists(record["socket"]):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _numbers(version):
    return [int("".join(c for c in part if c.isdigit()) or 0) for part in version.split("+")[0].split(".")]
