"""How a pipeline run moves on, for any graph and any order of ends."""

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.engine.outcome import root_error
from penstock.engine.plan import make_plan
from penstock.engine.progress import Progress, StepState
from penstock.model.graph import Graph
from penstock.model.status import TERMINAL, TRANSITIONS, Status, may_follow


def graph_of(edges):
    """A graph whose node i runs after the nodes in edges[i]."""
    nodes = [
        {"id": f"{i:08x}", "name": f"step {i}", "kind": "python_script", "after": [f"{u:08x}" for u in ups]}
        for i, ups in enumerate(edges)
    ]
    return Graph.from_json({"schema": 1, "nodes": nodes})


@st.composite
def edges(draw):
    n = draw(st.integers(1, 12))
    return [sorted(draw(st.sets(st.integers(0, i - 1), max_size=3))) if i else [] for i in range(n)]


def fresh(graph, continue_on_failure=False):
    plan = make_plan(graph, {})
    states = [StepState(n, f"run-{n.id}", Status.NOT_STARTED) for n in graph.nodes]
    return Progress("root", plan, states, continue_on_failure=continue_on_failure)


def start(states):
    for state in states:
        state.status = Status.QUEUED
    return list(states)


@given(edges())
def test_any_graph_plans_to_an_order_in_which_nothing_precedes_its_upstream(shape):
    graph = graph_of(shape)
    place = {n.id: i for i, n in enumerate(make_plan(graph, {}).order)}
    assert sorted(place) == sorted(n.id for n in graph.nodes)
    assert all(place[u] < place[n.id] for n in graph.nodes for u in n.upstream())


@settings(max_examples=200)
@given(edges(), st.booleans(), st.data())
def test_any_order_of_ends_keeps_the_invariants(shape, continue_on_failure, data):
    progress = fresh(graph_of(shape), continue_on_failure)
    running = start(progress.ready())
    ended, started = None, [s.run_id for s in running]
    cancel_at = data.draw(st.integers(0, 3 * len(shape)), label="cancel after")
    for turn in range(10_000):
        if turn == cancel_at:
            change = progress.cancel()
            ended = change.ended
        elif not running:
            break
        else:
            state = running.pop(data.draw(st.integers(0, len(running) - 1), label="which"))
            status = data.draw(st.sampled_from([Status.COMPLETED, Status.COMPLETED, Status.FAILED]), label="how")
            change = progress.end(state, status)
            ended = change.ended
        for ready in change.ready:
            ups = [progress.steps[u].status for u in progress.plan.upstream[ready.node.id]]
            assert all(u is Status.COMPLETED for u in ups), "a step starts only when all upstream completed"
            assert ready.run_id not in started, "a step starts once"
        for blocked in change.blocked:
            assert blocked.state.status is Status.CANCELED and blocked.reason
            assert blocked.state.run_id not in started
        started += [s.run_id for s in change.ready]
        running += start(change.ready)
        if ended is not None:
            break
    assert ended is not None, "the run ends"
    assert all(s.status in TERMINAL for s in progress.steps.values()), "no step is left open"
    if not continue_on_failure and ended is Status.COMPLETED:
        assert all(s.status is Status.COMPLETED for s in progress.steps.values())


def test_a_failed_step_stops_what_has_not_started_and_says_why():
    progress = fresh(graph_of([[], [], [0]]))
    first, second, third = progress.steps.values()
    second.status = Status.RUNNING
    change = progress.end(first, Status.FAILED)
    assert [(b.state, b.reason) for b in change.blocked] == [(third, "Not started: step 'step 0' failed.")]
    assert change.to_cancel == [second]
    assert change.ended is None
    assert progress.end(second, Status.CANCELED).ended is Status.FAILED


def test_with_continue_only_what_depends_on_the_failed_step_stops():
    progress = fresh(graph_of([[], [], [0], [2]]), continue_on_failure=True)
    first, second, third, fourth = progress.steps.values()
    change = progress.end(first, Status.FAILED)
    assert [b.state for b in change.blocked] == [third, fourth]
    assert "step 'step 0' failed" in change.blocked[1].reason
    assert change.to_cancel == []
    assert progress.end(second, Status.COMPLETED).ended is Status.FAILED


def test_a_canceled_run_ends_once_its_steps_have():
    progress = fresh(graph_of([[], [0]]))
    first, second = progress.steps.values()
    first.status = Status.RUNNING
    change = progress.cancel()
    assert change.to_cancel == [first] and [b.state for b in change.blocked] == [second] and change.ended is None
    assert progress.end(first, Status.CANCELED).ended is Status.CANCELED


def test_terminal_is_final():
    assert all(not TRANSITIONS[status] for status in TERMINAL)
    assert not may_follow(Status.COMPLETED, Status.FAILED)
    assert set(TRANSITIONS) == set(Status)


def test_a_run_out_of_time_stops_and_fails_though_no_step_did():
    progress = fresh(graph_of([[], [0]]))
    first, second = progress.steps.values()
    first.status = Status.RUNNING
    assert progress.under_way() == [first]
    change = progress.run_out_of_time()
    assert change.to_cancel == [first] and [b.state for b in change.blocked] == [second] and change.ended is None
    assert progress.stopped_by() == "the pipeline run was out of time"
    assert progress.end(first, Status.CANCELED).ended is Status.FAILED
    first.attempt = 1
    error = root_error(progress, Status.FAILED, 5)
    assert error["code"] == "TimedOut" and error["details"] == {"steps": [first.run_id]}
    assert "limit of 5 seconds. Still running then: 'step 0'. Not started: 1." in error["message"]


def test_a_run_whose_last_step_completed_at_the_last_moment_is_completed():
    progress = fresh(graph_of([[]]))
    (only,) = progress.steps.values()
    only.status = Status.FINALIZING
    assert progress.run_out_of_time().ended is None
    assert progress.end(only, Status.COMPLETED).ended is Status.COMPLETED


def test_a_cancel_goes_before_a_deadline():
    progress = fresh(graph_of([[]]))
    (only,) = progress.steps.values()
    only.status = Status.RUNNING
    progress.run_out_of_time()
    progress.cancel()
    assert progress.end(only, Status.CANCELED).ended is Status.CANCELED


def test_a_step_that_waits_for_its_next_try_is_not_started_again_when_its_run_stops():
    progress = fresh(graph_of([[]]))
    (only,) = progress.steps.values()
    only.attempt = 1
    change = progress.cancel()
    assert [b.reason for b in change.blocked] == ["Not started again: the pipeline run was canceled."]
    assert change.ended is Status.CANCELED
