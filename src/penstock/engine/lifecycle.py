"""What a job's end means for its run: the one place that decides a status. Pure."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field

from penstock.model.graph import Node
from penstock.model.job import Exit, Json
from penstock.model.status import Status


@dataclass(frozen=True)
class Conclusion:
    """The status a run ends in, why when it is not Completed, and what to warn of."""

    status: Status
    error: Json | None = None
    warnings: tuple[str, ...] = field(default=())


def conclude(node: Node, end: Exit, *, cancel_requested: bool = False, stopped_by: str | None = None) -> Conclusion:
    """How the run of `node` ends, given how its job did. `stopped_by`: why its whole pipeline run is being stopped, if it is."""
    if end.ending == "canceled":
        return Conclusion(Status.CANCELED, _error("Canceled", _canceled(node, stopped_by), end))
    if end.ending == "exited" and end.exit_code == 0 and end.error is None:
        return _completed(node, end)
    if cancel_requested and end.ending == "signaled":
        return Conclusion(Status.CANCELED, _error("Canceled", _canceled(node, stopped_by), end))
    return Conclusion(Status.FAILED, _failure(node, end), _warnings(node, end))


def lost(
    node: Node, why: str, *, has_begun: bool = True, cancel_requested: bool = False, stopped_by: str | None = None
) -> Conclusion:
    """The end of a run whose process is gone without a word, and nothing of which is left."""
    if cancel_requested:
        error = {"code": "Canceled", "message": _canceled(node, stopped_by), "details": {"ending": "lost"}}
        return Conclusion(Status.CANCELED, error)
    rest = "Look at the system's log: something ends such processes, or there is no room for them."
    if has_begun and node.retry is not None and node.retry.on == "any":
        rest = "Its script had begun."
    elif has_begun:
        rest = (
            "Its script may have begun, so it is not started again by itself. "
            "When that is safe: penstock run resume, or give the step retry(on='any')."
        )
    message = f"Step '{node.name}' was lost: {why} {rest}"
    return Conclusion(Status.FAILED, {"code": "Lost", "message": message, "details": {"ending": "lost"}})


def after_tries(error: Json | None, attempt: int) -> Json | None:
    """The error of a step that was tried `attempt` times."""
    if error is None or attempt < 2:
        return error
    return {**error, "message": f"{error['message']} It was tried {attempt} times."}


def _canceled(node: Node, stopped_by: str | None) -> str:
    return f"Step '{node.name}' was canceled" + (f": {stopped_by}." if stopped_by else ".")


def _completed(node: Node, end: Exit) -> Conclusion:
    ports = {o.name: o for o in node.written}
    missing = [o["name"] for o in end.outputs if o["kind"] == "missing" and o["name"] in ports]
    absent_files = [name for name in missing if ports[name].is_directory is False]
    if absent_files:
        message = (
            f"Step '{node.name}' ended with status 0 but did not write the file of output '{absent_files[0]}', "
            "which is declared with is_directory=False. Write a file at the path given as that output's argument."
        )
        return Conclusion(Status.FAILED, _error("OutputMissing", message, end), _warnings(node, end))
    folders = [o["name"] for o in end.outputs if o["kind"] == "directory" and o["name"] in ports]
    wrong = [name for name in folders if ports[name].is_directory is False]
    if wrong:
        message = (
            f"Step '{node.name}' made a folder of output '{wrong[0]}', which is declared with is_directory=False. "
            "Write a file at that very path, or leave is_directory out."
        )
        return Conclusion(Status.FAILED, _error("OutputMismatch", message, end), _warnings(node, end))
    unwritten = tuple(
        f"Step '{node.name}' wrote nothing to output '{name}'. Steps that read it will find an empty folder."
        for name in missing
    )
    return Conclusion(Status.COMPLETED, None, unwritten + _warnings(node, end))


def named(inputs: Sequence[str]) -> str:
    """Names of ports in a sentence."""
    return ", ".join(f"'{name}'" for name in inputs)


def _warnings(node: Node, end: Exit) -> tuple[str, ...]:
    step = f"Step '{node.name}'"
    found = [f"{step}: {w}" for w in end.raw.get("warnings") or ()]
    if changed := end.raw.get("inputs_changed"):
        said = f"Input of {step[0].lower()}{step[1:]} changed while it ran: {', '.join(map(str, changed))}. "
        more = "No later step stands on what it made. If its script writes there, have it write to an output instead."
        found.append(said + more)
    elif touched := end.raw.get("inputs_touched"):
        said = (
            f"Input {named(touched)} of step '{node.name}' changed while the run went on, after it had been looked at. "
        )
        found.append(said + "It ran with what it found there; no later step stands on what it made.")
    if left := end.raw.get("left_behind"):
        rest = "1 process behind when it ended; it was stopped." if len(left) == 1 else (
            f"{len(left)} processes behind when it ended; they were stopped."
        )  # fmt: skip
        found.append(f"{step} left {rest}")
    return tuple(found)


def _failure(node: Node, end: Exit) -> Json:
    if end.error is not None:
        what, fix = _sentence(end.error.get("what")), _sentence(end.error.get("fix"))
        code = "TimedOut" if end.ending == "timed_out" else "NotStarted" if end.ending == "not_started" else "UserError"
        return _error(code, f"Step '{node.name}': {what} {fix}{_source(node, end)}".strip(), end)
    if end.ending == "timed_out":
        return _error(
            "TimedOut",
            f"Step '{node.name}' ran out of time and was stopped. Raise its timeout, or make it faster.",
            end,
        )
    if end.ending == "signaled":
        return _error("Signaled", _signal_message(node.name, end.signal or 0), end)
    script = node.settings.get("script_name") or "its command"
    hint = (
        " Its arguments did not fit: see the usage line above."
        if end.exit_code == 2 and "usage:" in end.stderr_tail
        else ""
    )
    return _error("UserError", f"Step '{node.name}': {script} ended with exit status {end.exit_code}.{hint}", end)


def _source(node: Node, end: Exit) -> str:
    """Of which file the one in a traceback is a copy."""
    folder, script = node.settings.get("source_directory"), node.settings.get("script_name")
    if not folder or not script or f"/work/{script}" not in end.stderr_tail:
        return ""
    return f" (work/{script} is a copy of {folder}/{script} as it was when you submitted.)"


def _sentence(text: object) -> str:
    """`text` with its full stop: what it quotes may have come without one."""
    said = str(text or "").strip()
    is_command = ": penstock " in said
    return said if not said or is_command or said.endswith((".", "!", "?", ":")) else said + "."


def _signal_message(step: str, number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    hint = " The system may have run out of memory." if number == signal.SIGKILL else ""
    return f"Step '{step}' was ended by {name}.{hint} Its log has what it printed until then."


def _error(code: str, message: str, end: Exit) -> Json:
    details = {"ending": end.ending, "exit_code": end.exit_code, "signal": end.signal, "stderr_tail": end.stderr_tail}
    if end.raw.get("stdout_tail"):
        details["stdout_tail"] = end.raw["stdout_tail"]
    return {"code": code, "message": message, "details": details}
