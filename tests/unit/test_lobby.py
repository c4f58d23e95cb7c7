"""Pipeline runs that wait to be taken up: in the order they came, so many at once, and out of turn when they are cancelled."""

from penstock.service.execution import lobby
from penstock.service.execution.lobby import Lobby


def test_runs_are_taken_up_in_the_order_they_came() -> None:
    waiting = Lobby(["old"])
    waiting.put(["b", "a", "b", "old"])
    assert waiting.admit(0) == {"old": True, "b": False, "a": False}
    assert not waiting


def test_no_more_are_inside_than_there_is_room_for() -> None:
    waiting = Lobby()
    waiting.put(str(n) for n in range(1000))
    assert list(waiting.admit(lobby.MOST_INSIDE - 2)) == ["0", "1"]
    assert waiting.admit(lobby.MOST_INSIDE) == {} and not waiting.has_room(lobby.MOST_INSIDE)
    assert len(waiting.admit(0)) == lobby.AT_ONCE and waiting.has_room(lobby.AT_ONCE)


def test_who_is_called_comes_at_once_though_there_is_no_room() -> None:
    waiting = Lobby()
    waiting.put(["a", "b"])
    assert waiting.admit(lobby.MOST_INSIDE, ["b", "unknown"]) == {"b": False}
    assert len(waiting) == 1


def test_a_run_that_is_called_twice_comes_in_once() -> None:
    """Two cancels of steps of one run at once lost it (seed 44430)."""
    waiting = Lobby()
    waiting.put(["a", "b"])
    assert waiting.admit(lobby.MOST_INSIDE, called=["b", "b"]) == {"b": False}
    assert waiting.admit(0) == {"a": False}
