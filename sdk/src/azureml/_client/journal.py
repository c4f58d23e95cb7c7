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
        self._opened = None  # (descriptor, pid): a fork may keep it, O_APPEND makes both safe

    def append(self, run_id, records):
        """Each record is in the file when this returns; a kill after it loses nothing."""
        import json  # 4 ms that a step which logs nothing does not pay

        lines = []
        for record in records:
            record = dict(record, at=time.time())
            if run_id != self.run_id:
                record["run"] = run_id
            lines.append(json.dumps(record).encode("ascii") + b"\n")
        descriptor = self._descriptor()
        for line in lines:
            written = os.write(descriptor, line)
            if written != len(line):
                raise OSError(28, "The journal of the run could not be written whole (disk full?)", self._path)

    def _descriptor(self):
        if self._opened is None:
            self._opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return self._opened


class Remote:
    """Records sent to the server: for runs that have no job folder of ours."""

    def __init__(self, workspace):
        self._workspace = workspace

    def append(self, run_id, records):
        now = time.time()
        self._workspace._call("POST", "runs/" + run_id + "/journal", [dict(r, at=now) for r in records])


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
