"""What the stub asks of the kernel beyond the standard library. Knows prctl(2); knows nothing of jobs.

ctypes is loaded here, once, in the node: a stub only calls. Elsewhere than on Linux both calls do nothing, and a stub then
knows its script's process group alone.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None).prctl if sys.platform.startswith("linux") else None


def become_subreaper() -> None:
    """From now on every descendant whose parent ends becomes a child of this process: nothing can slip away."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(parent: int, signal_number: int) -> None:
    """Sends this process the signal when its parent ends; ends at once when that has already happened."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(127)
