"""The stub: sees one job through, from the fence to exit.json. Knows docs/job.md; needs neither server nor node to finish.

It is forked from the node and never returns into it. One story, top to bottom: fence, prepare, spawn, wait, clean up, keep, tell.
Nothing is imported and no tree is removed on the way. A stub that is left clean may run another job afterwards: a fresh fork pays for
every page it touches first, and that is most of what a step would cost.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import time

from . import LAUNCHER as _LAUNCHER
from . import cgroup, folder, interpreter, keep, kernel, materials, messages, reads, script
from .folder import NotStarted
from .identity import process_start_time
from .script import SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

_TAIL_BYTES = 16384
_GRACE_SECONDS = 10.0
_LITTLE_ROOM = 16 << 20
"""With less than this free, a full disk is named among the causes of a failure: the server may have made some room meanwhile."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_NAMES = {number.value: number.name for number in signal.Signals}

__all__ = ["SIGNALS", "log_line", "log_trouble", "run", "tell_of_loss"]


def run(path: str, host: Host) -> bool:
    """Runs the job folder, unless somebody else has begun it. Returns when all is written and told: whether nothing is left of it
    in this process, so that the next job may be run here."""
    host.enter(path)
    started_at = time.time()
    exit_file = _begin({"pid": host.pid, "start_time": host.start_time, "boot_id": host.boot_id, "at": started_at})
    if exit_file is None:
        return True
    record = _new_record(path, started_at)
    job: Json = {}
    is_clean = True
    try:
        job = folder.read_job()
        record["name"] = job.get("name", record["name"])
        is_clean = _see_through(job, record, host)
    except NotStarted as error:
        record["error"] = {"what": error.what, "fix": error.fix}
    except Exception as error:  # the stub's own failure must be as readable as the script's
        record["error"] = _own_failure(record, error)
        is_clean = False
    _end_group(record, host)
    record["ended_at"] = time.time()
    exit_file.write(record)
    exit_file.close()
    os.chdir("/")
    return _tell_exit(job, record["name"], host) and is_clean


def _begin(me: Json) -> folder.ExitFile | None:
    """The job's exit file, if this process may run the job. Without room for one nothing begins: the server asks again."""
    if os.path.lexists(folder.STARTED):
        return None
    try:
        exit_file = folder.ExitFile()
        try:
            mine = folder.fence(me)
        except BaseException:
            exit_file.discard()
            raise
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        return None
    if not mine:
        exit_file.discard()
        return None
    return exit_file


class Host:
    """What a stub knows of the process it is: made once, after the fork."""

    def __init__(self, boot_id: str, env: dict[str, str], voice: messages.Voice) -> None:
        os.setsid()
        kernel.become_subreaper()
        self.pid = os.getpid()
        self.start_time = process_start_time()
        self.boot_id = boot_id
        self.env = env
        self.voice = voice
        self.folder = ""
        self.group: str | None = None
        self.folder_before = ""

    def enter(self, path: str) -> None:
        script.forget_signals()
        self.folder_before, self.folder = self.folder, path
        os.chdir(path)

    def is_canceled(self) -> bool:
        """Whether a SIGTERM is meant for this job. Not if the job before was canceled: then it came late for that one."""
        return folder.is_canceled() or not (self.folder_before and folder.is_canceled(self.folder_before))


def _new_record(path: str, started_at: float) -> Json:
    return {
        "schema": 1,
        "name": os.path.basename(path),
        "ending": "not_started",
        "exit_code": None,
        "signal": None,
        "user_code_started": False,
        "started_at": started_at,
        "script_started_at": None,
        "ended_at": None,
        "outputs": [],
        "files": [],
        "error": None,
        "stderr_tail": "",
        "left_behind": [],
        "inputs_changed": [],
        "inputs_touched": [],
        "warnings": [],
        "reads": [],
        "reads_unknown": None,
        "usage": None,
    }


def _see_through(job: Json, record: Json, host: Host) -> bool:
    """Fills the record; what is already in it stays true if a later part fails. Whether nothing of the script lives on."""
    inputs, outputs = job.get("inputs") or [], job.get("outputs") or []
    captures = job.get("captures") or []
    if folder.is_canceled():
        return _cancel_early(record)
    made = _prepare(job, inputs, outputs, captures)
    in_place = [given for given in inputs if given["local"] == given["source"]]
    record["warnings"] += [
        f"there is nothing at {given['source']}, where its input '{given['name']}' is. Check the path."
        for given in in_place
        if given.get("tree") is None and not os.path.exists(given["source"])
    ]
    record["inputs_touched"] = materials.touched([given for given in inputs if given not in in_place], outputs)
    before = materials.survey(inputs)
    if folder.is_canceled():
        return _cancel_early(record)
    env, there = _environment(job, host.env), set()
    if job.get("watch", True) and job["argv"][1:2] == [_LAUNCHER]:
        there = reads.ask(host.folder, job, env)
    if job.get("cgroups"):
        _make_group(host)
    pid = _spawn(job, record, env, host.group)
    _tell(job, f"running {record['name']}", host)
    grace_seconds = float(job.get("grace_seconds") or _GRACE_SECONDS)
    waiting = script.Waiting(pid, job.get("timeout_seconds"), grace_seconds, host.is_canceled)
    status = waiting.wait()
    _describe_end(record, status, waiting.reason)
    record["left_behind"] = waiting.clean_up()
    _end_group(record, host)
    record["usage"] = waiting.usage
    _describe_failure(job, record)
    record["inputs_changed"] = materials.changes(before, inputs, outputs)
    record["inputs_touched"] += materials.touched(in_place, outputs)
    record["warnings"] += keep.capture(captures)
    record["files"] = keep.list_files()
    if record["ending"] == "exited" and record["exit_code"] == 0:
        _note_reads(job, env, record, there)
        _keep_outputs(outputs, made, record)
    return not waiting.has_children


def _cancel_early(record: Json) -> bool:
    record["ending"] = "canceled"
    record["error"] = {
        "what": "The step was canceled before its script started.",
        "fix": "Submit it again if that was not meant.",
    }
    return True


def _prepare(job: Json, inputs: list[Json], outputs: list[Json], captures: list[str]) -> set[str]:
    """Makes all that the script finds; the names of the outputs whose folder was made for it."""
    os.makedirs(materials.WORK, exist_ok=True)
    if job.get("snapshot"):
        materials.materialise(job["snapshot"])
    name = job.get("script")
    if name and not os.path.isfile(os.path.join(materials.WORK, name)):
        raise NotStarted(
            f"The script '{name}' is not in the step's source folder.",
            "Check script_name and source_directory, and .amlignore.",
        )
    materials.copy_inputs(inputs)
    return materials.make_folders(captures, outputs)


def _environment(job: Json, base: dict[str, str]) -> dict[str, str]:
    env: dict[str, str] = base | (job.get("env") or {})
    if job.get("sdk_path"):
        env["PENSTOCK_SDK_PATH"] = job["sdk_path"]
    return env


def _spawn(job: Json, record: Json, env: dict[str, str], group: str | None) -> int:
    argv = job["argv"]
    program = script.find_program(argv[0], env.get("PATH"))
    if (
        not job.get("watch", True)
        and argv[1:2] == [_LAUNCHER]
        and "PYTHONHOME" not in env
        and interpreter.finds_sdk(program)
    ):
        argv = [argv[0], *argv[2:]]  # the launcher has nothing to do
    record["script_started_at"] = time.time()
    try:
        pid = script.spawn(program, argv, env, materials.WORK, lambda: _announce(group))
    except (OSError, ValueError) as error:
        record["script_started_at"] = None
        _forget_announcement()
        raise _cannot_run(argv, env, error) from error
    record["user_code_started"] = True
    record["ending"] = "exited"
    return pid


def _make_group(host: Host) -> None:
    """A control group for the job, where that is possible; whoever ends what a killed stub leaves finds it by its file."""
    host.group = cgroup.make(f"{os.path.basename(host.folder)}-{host.pid}")
    if host.group is not None:
        folder.write_whole(folder.CGROUP, os.fsencode(host.group))


def _end_group(record: Json, host: Host) -> None:
    """Nothing of the job's group lives after this, or the record names what does."""
    if host.group is not None:
        record["left_behind"] += cgroup.end(host.group)
        host.group = None


def _announce(group: str | None) -> None:
    """In the script's own process, before it is the script: no user code runs without this file."""
    if group is not None:
        cgroup.join(group)
    me = {"pid": os.getpid(), "start_time": process_start_time(), "at": time.time()}
    folder.write_whole(folder.RUNNING, json.dumps(me).encode())


def _forget_announcement() -> None:
    try:
        os.unlink(folder.RUNNING)
    except FileNotFoundError:
        pass


def _cannot_run(argv: list[str], env: dict[str, str], error: Exception) -> NotStarted:
    if isinstance(error, OSError) and error.errno == errno.E2BIG:
        size = sum(len(os.fsencode(text)) + 1 for text in (*argv, *env, *env.values()))
        return NotStarted(
            f"The step's arguments and environment take {size:,} bytes, more than this machine gives a process.",
            "Pass what is long in a file; one single text may have at most 128 KiB.",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOEXEC, errno.EACCES):
        return NotStarted(
            f"The interpreter '{argv[0]}' cannot be run: {error}.",
            "Submit from an interpreter that this machine still has, or name another one in the step's environment.",
        )
    return NotStarted(
        f"The process '{' '.join(argv[:3])}' cannot be started: {error}.",
        "Check the step's arguments and this machine.",
    )


def _describe_end(record: Json, status: int, reason: str | None) -> None:
    if os.WIFSIGNALED(status):
        record["signal"] = os.WTERMSIG(status)
        record["ending"] = "signaled"
    else:
        record["exit_code"] = os.WEXITSTATUS(status)
    if reason is not None:
        record["ending"] = reason


def _describe_failure(job: Json, record: Json) -> None:
    """The error and the end of stderr, unless the script ended well."""
    if record["ending"] == "exited" and record["exit_code"] == 0:
        return
    record["stderr_tail"] = _tail("stderr")
    if not record["stderr_tail"].strip():
        record["stdout_tail"] = _tail("stdout")  # then this is all that it said
    label = job.get("script") or os.path.basename(job["argv"][0])
    if record["ending"] == "canceled":
        what, fix = f"'{label}' was stopped because the run was canceled.", "Submit it again if that was not meant."
    elif record["ending"] == "timed_out":
        what = f"'{label}' was stopped after its limit of {job['timeout_seconds']:g} seconds."
        fix = "Give the step a longer timeout_seconds, or less to do."
    elif record["ending"] == "signaled":
        what, fix = _describe_signal(label, record)
    else:
        last = _last_words(record["stderr_tail"].strip())[:500]
        what = f"'{label}' ended with exit status {record['exit_code']}" + (f": {last}" if last else ".")
        fix = f"All that it printed: {_logs_command(record)}"
    if record["ending"] in ("exited", "signaled") and (free := _free_bytes()) < _LITTLE_ROOM:
        what = (
            what.rstrip(".")
            + f". The disk that holds its folder is full ({free:,} bytes are free), so its output may be cut."
        )
        fix = f"Free some space there ({os.getcwd()}) and submit again."
    record["error"] = {"what": what, "fix": fix}


def _last_words(text: str) -> str:
    """The last line; where an exception of the SDK's ends in its JSON, what that exception says."""
    last = text.rpartition("\n")[2].strip()
    before, mark, said = text.rpartition(":\n\tMessage: ")
    name, message = before.rpartition(" ")[2], said.partition("\n")[0]
    return f"{name}: {message}" if last == "}" and mark and name.isidentifier() else last


def _logs_command(record: Json) -> str:
    return f"penstock run logs {record['name'].rpartition('.')[0][:8]}"


def _free_bytes() -> int:
    status = os.statvfs(".")
    return 0 if status.f_files and not status.f_favail else status.f_bavail * status.f_frsize


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _describe_signal(label: str, record: Json) -> tuple[str, str]:
    number = record["signal"]
    what = f"'{label}' was killed by signal {number} ({_NAMES.get(number, 'unknown')})."
    if number == signal.SIGKILL:
        used = f"the step used {record['usage']['max_rss_bytes'] / 1e6:,.0f} MB at most"
        if record["usage"]["max_rss_bytes"] < _memory_bytes() / 20:
            return (
                what,
                f"Whoever did it, it was hardly for want of memory: {used}. All that it printed: {_logs_command(record)}",
            )
        return what, f"Often this is the kernel freeing memory: {used}. Give it less data or more memory."
    return (
        what,
        f"A crash of this kind comes from compiled code or from outside. All that it printed: {_logs_command(record)}",
    )


def _tail(path: str) -> str:
    """The end of a log, from the start of a line where there is one."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        size = os.fstat(fd).st_size
        data = os.pread(fd, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    finally:
        os.close(fd)
    if size > _TAIL_BYTES and b"\n" in data[:-1]:
        data = data[data.index(b"\n") + 1 :]
    return data.decode("utf-8", "replace")


def _note_reads(job: Json, env: dict[str, str], record: Json, there: set[str]) -> None:
    if not job.get("watch", True):
        record["reads_unknown"] = "nobody watched"
        return
    try:
        record["reads"] = reads.look(job, env, record["script_started_at"], there)
    except reads.Unknown as why:
        record["reads_unknown"] = str(why)


def _keep_outputs(outputs: list[Json], made: set[str], record: Json) -> None:
    if outputs:
        os.makedirs(keep.MANIFESTS, exist_ok=True)
    for output in outputs:
        row, warnings = keep.keep_output(output, output["name"] in made)
        record["outputs"].append(row)
        record["warnings"] += warnings


def _own_failure(record: Json, error: Exception) -> Json:
    """An error for what the stub itself could not do. After user code ran, the ending stays what the script's end was."""
    what = f"{type(error).__name__}: {error}"
    is_full = isinstance(error, OSError) and error.errno in _NO_ROOM
    fix = (
        "Free some space on that disk and submit again." if is_full else "Look at that path, then submit the run again."
    )
    if not record["user_code_started"]:
        return {"what": f"The step could not be prepared: {what}.", "fix": fix}
    return {"what": f"The script ran, but what it wrote could not be kept: {what}.", "fix": fix}


def _tell(job: Json, text: str, host: Host) -> bool:
    """Whether somebody listens at the server's end; a full queue is somebody."""
    try:
        host.voice.say(job["wake"], text)
    except TimeoutError:
        return True
    except (OSError, KeyError, TypeError):
        return False
    return True


def _tell_exit(job: Json, name: str, host: Host) -> bool:
    """Tells the server that the job has ended, and starts one when there is none. Whether this process is still as it was:
    a server that it started would be its child, and must find another parent before anything is cleaned up here."""
    if _tell(job, f"exit {name}", host) or not job.get("server_argv"):
        return True
    argv = job["server_argv"]
    env = host.env | (job.get("server_env") or {})
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    os.posix_spawnp(argv[0], argv, env, file_actions=nothing, setsid=True, setsigmask=(), setsigdef=script.TO_DEFAULT)
    return False


def tell_of_loss(path: str) -> None:
    """In the node: the stub of this folder died, so nobody else will say that there is nothing to wait for."""
    try:
        job = json.loads(folder.read_whole(os.path.join(path, "job.json")))
        messages.send(job["wake"], f"exit {job['name']}")
    except (OSError, ValueError, KeyError, TypeError):
        pass


def log_line(home: str, text: str) -> None:
    """One line in the node's log, which is written only when something is wrong."""
    try:
        logs = os.path.join(home, "logs")
        if not os.path.isdir(logs):
            os.mkdir(logs)  # not its parents: a home that was removed stays removed
        fd = os.open(os.path.join(logs, "node.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        os.write(fd, f"{stamp} node {os.getpid()}: {text}\n".encode("utf-8", "backslashreplace"))
        os.close(fd)
    except OSError:
        pass  # there is no other place to say it


def log_trouble(home: str, text: str) -> None:
    """As log_line, with the traceback of the exception that is being handled."""
    import traceback

    log_line(home, f"{text}\n{traceback.format_exc()}")
