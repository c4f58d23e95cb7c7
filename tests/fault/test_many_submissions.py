"""Submissions while the server is killed; `python tests/fault/many_submissions.py` sends very many."""

from __future__ import annotations

import random
import time
from pathlib import Path

from fault.many_submissions import Submitting, table


def test_every_submission_that_was_acknowledged_is_there_once_though_the_server_was_killed(home: Path) -> None:
    began = time.monotonic()
    found = Submitting(home, 600, 8, began + 200)
    found.play(3, random.Random(1))
    found.server.terminate()
    found.server.wait(60)
    problems = list(found.check())
    print("\n" + "\n".join(table(found, problems, time.monotonic() - began)))
    assert not problems, "\n".join(problems)
    assert found.n_kills == 3 and len(found.acknowledged) == found.n_kept == 600
