"""Following a run through the server's stream (docs/graph.md), over restarts of the server. Prints nothing."""

import socket
import time

from azureml._client.errors import ServerNotFoundError
from azureml._runs.kinds import TERMINAL

SILENCE_SECONDS = 60.0  # the server pings more often than that


class TimedOut(Exception):
    """The deadline passed before the run ended."""


class Reconnected:
    """Yielded once after each broken connection: logs may have been missed, events not."""


def follow(workspace, run_id, logs, deadline):
    """Yields the stream's lines until the run has ended; TimedOut at `deadline` (time.monotonic seconds, or None).

    A server that goes away is found or started again, and the stream goes on after the last event seen.
    """
    from azureml._client.client import segment

    path = "/ws/{}/runs/{}/stream".format(segment(workspace.name), segment(run_id))
    after, pause = 0, 0.02
    while True:
        try:
            for line in workspace._client.stream(path, {"after": after, "logs": int(logs)}, _patience(deadline)):
                event = line.get("event")
                if event is not None:
                    after = max(after, event["id"])
                yield line
                if event is not None and event["run_id"] == run_id and event["body"].get("status") in TERMINAL:
                    return
                _patience(deadline)
                pause = 0.02
        except ServerNotFoundError:
            raise
        except socket.timeout:
            _patience(deadline)
        except (OSError, ValueError):
            pass
        # It ended before the run did: the server left, or the run had ended before we asked.
        if workspace._call("GET", "runs/" + segment(run_id))["status"] in TERMINAL and pause > 0.02:
            return
        _patience(deadline)
        time.sleep(pause)
        pause = min(pause * 2, 1.0)
        yield {"reconnected": Reconnected}


def _patience(deadline):
    """The seconds that a silence may last; TimedOut when there are none left."""
    if deadline is None:
        return SILENCE_SECONDS
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimedOut()
    return min(SILENCE_SECONDS, max(left, 0.01))
