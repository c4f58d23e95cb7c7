"""The job folder's own small files: who runs it, that it runs, how it ended. Knows docs/job.md; knows nothing of processes or outputs.

A stub works with the job folder as its current folder, so every name here is relative.
"""

from __future__ import annotations

import errno
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

STARTED = "started"
RUNNING = "running"
CGROUP = "cgroup"
EXIT = "exit.json"
CANCEL = "cancel"

_RESERVED_BYTES = 32768
"""What exit.json may take on a full disk."""
_PIECE = 1 << 20
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


class NotStarted(Exception):
    """The stub cannot get as far as user code: what happened, and what to do."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def write_whole(path: str, data: bytes) -> None:
    """Makes (or empties) the file and writes all of it."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def read_whole(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        pieces = []
        while piece := os.read(fd, _PIECE):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(fd)


def fence(record: Json) -> bool:
    """Whether this process may run the job: true for exactly one caller, whoever they are.

    The record is linked into place, so `started` is never seen half written; a filesystem without links gets the O_EXCL open.
    """
    data = json.dumps(record).encode()
    draft = f".{STARTED}.{os.getpid()}"
    try:
        write_whole(draft, data)
        os.link(draft, STARTED)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _fence_without_links(data)
    finally:
        if os.path.lexists(draft):
            os.unlink(draft)
    return True


def _fence_without_links(data: bytes) -> bool:
    try:
        fd = os.open(STARTED, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    try:
        write_all(fd, data)
    except BaseException:
        os.unlink(STARTED)  # nobody runs the job: an empty fence would keep it from ever starting
        raise
    finally:
        os.close(fd)
    return True


def is_canceled(path: str = "") -> bool:
    return os.path.lexists(os.path.join(path, CANCEL))


def read_job() -> Json:
    """job.json, checked as far as the stub relies on it."""
    try:
        job: Json = json.loads(read_whole("job.json"))
    except (OSError, ValueError) as error:
        raise NotStarted(f"job.json in {os.getcwd()} cannot be read: {error}.", "Submit the run again.") from error
    argv = job.get("argv") if isinstance(job, dict) else None
    if not isinstance(argv, list) or not argv or not all(isinstance(text, str) for text in argv):
        raise NotStarted(f"job.json in {os.getcwd()} has no argv: {argv!r}.", "Submit the run again.")
    if job.get("schema") != 1:
        raise NotStarted(
            f"job.json in {os.getcwd()} has schema {job.get('schema')!r}; this node reads 1.",
            "Stop the server and its node, and start the one version of penstock that you want.",
        )
    return job


class ExitFile:
    """exit.json, with room for it set aside before anything is promised and before user code may fill the disk."""

    def __init__(self) -> None:
        self._draft = (
            f".exit.json.{os.getpid()}"  # two stubs may be asked for one job: only one of them gets past the fence
        )
        self._fd = os.open(self._draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            os.posix_fallocate(self._fd, 0, _RESERVED_BYTES)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a filesystem that cannot set room aside
                self.discard()
                raise

    def discard(self) -> None:
        """Leave no trace: somebody else runs the job, or nobody can now."""
        self.close()
        os.unlink(self._draft)

    def write(self, record: Json) -> None:
        """Makes exit.json appear, whole and on disk. Cut down to what matters when the disk is full."""
        try:
            self._write(json.dumps(record).encode())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            self._write(json.dumps(_shortened(record)).encode())
        os.rename(self._draft, EXIT)

    def close(self) -> None:
        os.close(self._fd)

    def _write(self, data: bytes) -> None:
        os.lseek(self._fd, 0, os.SEEK_SET)
        write_all(self._fd, data)
        os.ftruncate(self._fd, len(data))
        os.fsync(self._fd)


def _shortened(record: Json) -> Json:
    """The record without its long lists; the end of stderr lies in the job folder anyway."""
    room = 2000
    error = record["error"] or {"what": "The disk is full, so exit.json was cut short.", "fix": "Free some space."}
    short = {key: text[:room] for key, text in error.items()}
    tail = record["stderr_tail"][-room:]
    if "stdout_tail" in record:
        record["stdout_tail"] = record["stdout_tail"][-room:]
    return record | {
        "error": short,
        "stderr_tail": tail,
        "files": [],
        "inputs_changed": [],
        "left_behind": [],
        "warnings": [],
        "reads": [],
        "reads_unknown": record.get("reads_unknown") or "the disk was full",
    }
