"""Whether a step is tried again, and when."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.engine.retry import MAX_BACKOFF_SECONDS, Cause, cause, due_at, may_retry, next_try
from penstock.model.graph import RetryPolicy
from penstock.model.job import Exit

DEFAULT = RetryPolicy()
ANY = RetryPolicy(3, 10.0, "any")
INFRASTRUCTURE = RetryPolicy(3, 10.0, "infrastructure")


def end(ending="exited", *, started=True):
    return Exit.from_json({"ending": ending, "exit_code": 1, "ended_at": 2.0, "user_code_started": started})


def test_what_a_try_ended_of():
    assert cause(None, None) is Cause.NEVER_BEGAN
    assert cause(None, 1.0) is Cause.LOST
    assert cause(end("not_started", started=False), None) is Cause.NOT_PREPARED
    assert cause(end(), 1.0) is Cause.ENDED_BADLY
    assert cause(end("timed_out"), None) is Cause.ENDED_BADLY


def test_user_code_never_runs_again_unless_the_author_asked_for_it():
    for why in (Cause.LOST, Cause.ENDED_BADLY):
        assert not may_retry(why, None)
        assert not may_retry(why, INFRASTRUCTURE)
        assert may_retry(why, ANY)


def test_what_never_began_is_tried_again_by_itself():
    assert may_retry(Cause.NEVER_BEGAN, None)
    assert next_try(Cause.NEVER_BEGAN, None, DEFAULT, 1, 100.0) == 101.0


def test_a_script_that_is_not_there_is_looked_for_again_only_when_asked():
    assert not may_retry(Cause.NOT_PREPARED, None)
    assert may_retry(Cause.NOT_PREPARED, INFRASTRUCTURE)


def test_the_authors_policy_counts_in_place_of_the_servers():
    assert next_try(Cause.NEVER_BEGAN, RetryPolicy(0), DEFAULT, 1, 100.0) is None
    assert next_try(Cause.ENDED_BADLY, ANY, RetryPolicy(0), 3, 100.0) == 140.0


def test_waiting_doubles_up_to_an_hour():
    assert [due_at(ANY, n, 0.0) for n in (1, 2, 3, 4)] == [10.0, 20.0, 40.0, 80.0]
    assert due_at(ANY, 10_000, 5.0) == 5.0 + MAX_BACKOFF_SECONDS


@given(st.integers(0, 100), st.sampled_from(list(Cause)), st.sampled_from(["infrastructure", "any"]), st.booleans())
def test_a_poison_step_stops(count, why, on, is_asked):
    policy = RetryPolicy(count, 1.0, on)
    attempt = 1
    while next_try(why, policy if is_asked else None, policy, attempt, 0.0) is not None:
        attempt += 1
    assert attempt <= count + 1


@given(st.integers(1, 200), st.floats(0, 1e6), st.floats(0, 2e9))
def test_a_try_is_never_due_before_the_last_one_ended(attempt, backoff, ended_at):
    due = due_at(RetryPolicy(200, backoff, "any"), attempt, ended_at)
    assert ended_at <= due <= ended_at + MAX_BACKOFF_SECONDS
    assert due <= due_at(RetryPolicy(200, backoff, "any"), attempt + 1, ended_at)
