"""The places where a server may die between two effects, by name: each commit, each call of a compute, each step of publishing.

`passing(name)` does nothing, unless a test has told what is to happen: `tests/fault/test_crash_points.py` starts a real server
with PENSTOCK_CRASH_AT="<point>:<n>", which kills itself with SIGKILL the n-th time it comes by; the simulation of
`penstock selftest` crashes, delays or lets others act there. Knows names only; must not know who passes them.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS = {
    "commit.before": "a transaction is whole but not committed",
    "commit.after": "a transaction is committed, nobody has been told",
    "submit.before": "a job is about to be handed to the compute",
    "submit.folder": "its folder is there, job.json is not",
    "submit.written": "job.json is there, the node has not been told",
    "submit.after": "the node has been told",
    "poll.before": "jobs are about to be looked at",
    "poll.after": "they were looked at, nothing is decided",
    "cancel.before": "a job is about to be stopped",
    "cancel.fenced": "it had not begun and never will",
    "cancel.marked": "the file that asks it to stop is there, its stub has not been told",
    "cancel.after": "its stub has been told",
    "node.before": "a node is about to be started",
    "node.after": "it has been",
    "publish.before": "an output is still in its staging place",
    "publish.after": "it is where it belongs",
    "copy.before": "the copy of a file is about to be made",
    "copy.partial": "it is made, under another name",
    "copy.after": "it is where it belongs",
    "send.before": "what was published is about to be sent to the URL of its datastore",
    "send.file": "one file of it is there",
    "send.after": "all of it is there, nobody has been told",
    "digest.before": "a file or folder is about to be read for its digest",
    "digest.after": "it was read, and its digest is not remembered",
    "hit.decided": "it is decided which steps are spared, and the scheduler has not been told",
    "clear.before": "outputs are noted as cleared away, and still in place",
    "clear.moved": "one of them has been moved aside",
    "clear.after": "it is noted as aside",
    "clear.returned": "one has been moved back",
    "clear.gone": "one is noted as gone, its bytes are not",
}

_on_passing: Callable[[str], None] | None = None


def passing(name: str) -> None:
    """Come by the point `name`."""
    if _on_passing is not None:
        _on_passing(name)


def watch(on_passing: Callable[[str], None] | None) -> None:
    """Have `on_passing(name)` called at every point; None: nothing any more. One process has one watcher."""
    global _on_passing
    _on_passing = on_passing
