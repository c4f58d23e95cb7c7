"""Where a run's records go: the journal of the job folder inside a step, the server outside one (docs/job.md).

A journal write is one append of one line, and needs no server. Imports next to nothing: every step pays for it.
"""

import os
import time


class Journal:
    """The journal of this process's own job. Records of other runs name them in `run`."""

    def __init__(self, job, run_id):
        self.job = job
        self.run_id = run_id
        self._path = os.path.join(job, "journal")
        self._is_torn = False  # whether the last line was cut off by a full disk
        self._opened = None  # (descriptor, pid): a fork may keep it, O_APPEND makes both safe

    def append(self, run_id, records):
        """Each record is in the file when this returns; a kill after it loses nothing. OSError: those from that one on are not."""
        lines = []
        for record in records:
            record = dict(record, at=time.time())
            if run_id != self.run_id:
                record["run"] = run_id
            lines.append(_encoded(record).encode("ascii") + b"\n")
        try:
            descriptor = self._descriptor()
            for line in lines:
                if self._is_torn:
                    line = b"\n" + line  # ends what was cut off, so that only that record is lost
                written = os.write(descriptor, line)
                self._is_torn = written != len(line)
                if self._is_torn:
                    raise OSError(28, os.strerror(28))
        except OSError as error:
            raise OSError(error.errno, self._not_kept(error), self._path) from None

    def _not_kept(self, error):
        try:
            free = os.statvfs(self.job).f_bavail * os.statvfs(self.job).f_frsize
        except OSError:
            free = None
        left = "" if free is None else ", {:,} bytes are free there".format(free)
        return "The run's record could not be kept ({}{}). Free some space and log it again".format(
            error.strerror, left
        )

    def _descriptor(self):
        if self._opened is None:
            self._opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return self._opened


class Remote:
    """Records sent to the server: for runs that have no job folder of ours."""

    def __init__(self, workspace):
        self._workspace = workspace

    def append(self, run_id, records):
        import json

        from azureml._client.process import this_process

        now, query = time.time(), {"owner": json.dumps(this_process())}
        self._workspace._call("POST", "runs/" + run_id + "/journal", [dict(r, at=now) for r in records], query)


def _encoded(record):
    """The record as JSON. Keeps what json.dumps makes anew each time, which is half of what logging a number costs."""
    global _encoded
    import json  # 4 ms that a step which logs nothing does not pay

    _encoded = json.dumps
    try:
        encode = json.encoder.c_make_encoder(
            None, json.JSONEncoder().default, json.encoder.encode_basestring_ascii, None, ": ", ", ", False, False, True
        )
        if "".join(encode({"a": [1.5, None, "\u00e4"]}, 0)) == '{"a": [1.5, null, "\\u00e4"]}':
            _encoded = lambda record: "".join(encode(record, 0))  # noqa: E731
    except (AttributeError, TypeError, ValueError):
        pass  # another Python than those we know: it has the slower way
    return _encoded(record)


_own = None


def own_journal():
    """The journal of the step that this process is (a child of), or None outside one."""
    global _own
    job, run_id = os.environ.get("PENSTOCK_JOB"), os.environ.get("AZUREML_RUN_ID")
    if not job or not run_id:
        return None
    if _own is None or _own.job != job or _own.run_id != run_id:
        _own = Journal(job, run_id)
    return _own
