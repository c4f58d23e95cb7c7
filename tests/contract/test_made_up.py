"""Calls that schemathesis makes up from our own OpenAPI documents; `python tests/contract/made_up.py` makes up more of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from forked import serve
from integration.served import printed, wait_until_served

EACH = 3


@pytest.mark.slow
def test_no_call_that_is_made_up_is_answered_by_anything_but_what_is_documented(home: Path) -> None:
    from contract.made_up import Caller, World, documents  # schemathesis: two seconds

    process = serve(home, "--embedded")
    world = World(home, wait_until_served(home, process))
    caller = Caller(world, chosen=1)
    for document in documents(world):
        caller.call_all(document, EACH)
    print("\n" + "\n".join(caller.told()))
    assert not caller.wrong, "\n".join(caller.told())
    assert caller.n_operations > 140 and caller.statuses.total() > 2 * caller.n_operations
    assert world.client.raw("GET", "/healthz")[0] == 200
    assert "a request failed" not in printed(home)
    process.terminate()
    process.wait(30)
