"""The home: where it is, whether it can be used, what it says of its last server. Makes the folder, starts nothing."""

import json
import os

from azureml._client.errors import HomeError

_NETWORK_FILESYSTEMS = (
    "nfs", "nfs4", "cifs", "smb", "smbfs", "smb2", "smb3", "afs", "ncpfs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.blobfuse", "fuse.blobfuse2", "fuse.gcsfuse",
    "fuse.juicefs",
)  # fmt: skip


def home_path():
    """The absolute path of the home (PENSTOCK_HOME, default ~/.penstock). It need not exist."""
    return os.path.abspath(os.path.expanduser(os.environ.get("PENSTOCK_HOME") or "~/.penstock"))


def ensure_home(home):
    """Makes the home, 0700, with its log folder; HomeError with the way out when it cannot be used."""
    try:
        os.makedirs(home, mode=0o700, exist_ok=True)
        os.makedirs(os.path.join(home, "logs"), mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeError(unwritable(home, error.strerror)) from None
    if not os.access(home, os.W_OK | os.X_OK):
        raise HomeError(unwritable(home, "Permission denied"))
    kind = filesystem_of(home)
    if kind in _NETWORK_FILESYSTEMS:
        raise HomeError(
            "The Penstock home {} is on a network filesystem ({}), where its database would not be safe. "
            "Set PENSTOCK_HOME to a folder on a local disk.".format(home, kind)
        )


def unwritable(home, why):
    """The sentence for a home that cannot be written because of `why`, as the system calls it."""
    fix = "Free some space there, or set" if "space" in why else "Set"
    return "The Penstock home {} cannot be written: {}. {} PENSTOCK_HOME to a folder of your own.".format(
        home, why, fix
    )


def filesystem_of(path, mounts="/proc/mounts"):
    """The kind of filesystem that `path` is on, as the kernel names it; None where the kernel does not say."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as lines:
            rows = [line.split(" ") for line in lines]
    except OSError:
        return None
    whole = os.path.realpath(path)
    best, kind = "", None
    for row in rows:
        if len(row) < 3:
            continue
        point = row[1].encode("utf-8", "surrogateescape").decode("unicode_escape") if "\\" in row[1] else row[1]
        inside = point == "/" or whole == point or whole.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # a later mount on the same point hides the earlier one
            best, kind = point, row[2]
    return kind


def server_record(home):
    """What `<home>/server.json` says of the last server; {} when it says nothing."""
    try:
        with open(os.path.join(home, "server.json"), encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
