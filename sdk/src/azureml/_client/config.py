"""The workspace configuration file: where it is looked for, and what it names. Asks no server."""

import json
import os
from collections import namedtuple

from azureml._paths import absolute

CONFIG_PLACES = (
    os.path.join(".azureml", "config.json"),
    os.path.join("aml_config", "config.json"),
    "config.json",
    os.path.join(".azureml", "project.json"),
    os.path.join("aml_config", "project.json"),
    "project.json",
)


Config = namedtuple("Config", ("subscription_id", "resource_group", "workspace_name", "penstock_url"))


def find_config(path, file_name):
    """The configuration file meant; UserErrorException when there is none."""
    start = absolute(path) if path is not None else os.getcwd()
    if os.path.isfile(start):
        return start
    if path is not None and not os.path.exists(start):
        raise _error(
            "The workspace configuration file config.json, could not be found in {}: there is no such file or folder. "
            "Give the path of the file, or of a folder below which it is.".format(start)
        )
    places = CONFIG_PLACES
    if file_name:
        places = tuple(os.path.join(folder, file_name) for folder in (".azureml", "aml_config", ""))
    for file in _upward(start, places):
        return file
    raise _error(
        "The workspace configuration file config.json, could not be found in {} or its parent directories. "
        "Make one with `penstock init`, or Workspace.create(...).write_config(), or give its path as an argument.".format(
            start
        )
    )


def read_config(file):
    """The Config of a file in either format; UserErrorException when it names no workspace."""
    try:
        config = _parsed(file)
    except (OSError, ValueError) as error:
        raise _error("The workspace configuration file {} cannot be read: {}. Repair it.".format(file, error)) from None
    url = _url(config, file)
    if isinstance(config.get("Scope"), str):
        parts = config["Scope"].strip("/").split("/")
        pairs = {k.lower(): v for k, v in zip(parts[::2], parts[1::2])}
        if "workspaces" in pairs:
            return Config(pairs.get("subscriptions", ""), pairs.get("resourcegroups", ""), pairs["workspaces"], url)
    if isinstance(config.get("workspace_name"), str) and config["workspace_name"]:
        return Config(config.get("subscription_id"), config.get("resource_group"), config["workspace_name"], url)
    raise _error(
        "The workspace configuration file {} names no workspace. It needs subscription_id, resource_group and "
        "workspace_name, or the Scope that write_config writes.".format(file)
    )


def nearest_url():
    """The `penstock_url` of the nearest configuration file that has one; None when none has. A bare config.json may be anyone's."""
    for file in _upward(os.getcwd(), CONFIG_PLACES):
        try:
            config = _parsed(file)
        except (OSError, ValueError):
            continue
        if "penstock_url" in config:
            return _url(config, file)
    return None


def _upward(folder, places):
    """The files at these places of a folder and of those above it."""
    while True:
        for place in places:
            file = os.path.join(folder, place)
            if os.path.isfile(file):
                yield file
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _parsed(file):
    with open(file, encoding="utf-8-sig") as content:
        config = json.load(content)
    return config if isinstance(config, dict) else {}


def _url(config, file):
    """The server that the file names, if it names one."""
    url = config.get("penstock_url")
    if url is None:
        return None
    if not isinstance(url, str) or not url.startswith(("http://", "https://", "unix://")):
        raise _error(
            "The penstock_url in {} is {!r}, which is no server's address. Write https://HOST:PORT, or take it out.".format(
                file, url
            )
        )
    return url.rstrip("/")


def _error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
