"""`penstock run logs`: what the steps printed, as it was kept, or followed as it comes."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from penstock.cli import ci, places, terminal
from penstock.cli.client import Client, segment
from penstock.cli.commands import home_option, json_option, workspace_option
from penstock.cli.finding import complete_run_id, find_run, find_step
from penstock.cli.following import Follower
from penstock.cli.places import Place
from penstock.cli.printing import print_json_line
from penstock.cli.showing import reused_from
from penstock.cli.terminal import Look
from penstock.cli.trouble import BAD_USAGE, FAILED, INTERRUPTED, NOT_THERE, NoServer, NotThere, Trouble

T = TypeVar("T")
LOG_FOLDER = "azureml-logs/"
MOST_FAILURES = 3
AGAIN_SECONDS = 2.0


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@click.argument("step_name", metavar="[STEP]", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends. Ctrl-C leaves the run alone.")
@click.option("--step", metavar="NAME", help="Only this step (its name or run id).")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="What try N printed, of steps tried again.")
@workspace_option
@home_option
@json_option
def logs(
    run_id: str,
    step_name: str | None,
    follow: bool,
    step: str | None,
    attempt: int | None,
    workspace: str | None,
    home: str | None,
    as_json: bool,
) -> int:
    """What a run's steps printed, or one of them. With -f: follow it; exits with 1 when the run fails or is canceled.

    Each line is led by its step's name when there are several steps. --json prints one object a line.
    """
    at = places.place(home)
    if step_name is not None and step not in (None, step_name):
        raise Trouble(f"Two steps are asked for, '{step_name}' and '{step}'. Give one.", BAD_USAGE)
    step = step or step_name
    client = places.server(at)
    found = find_run(client, run_id, workspace, Path.cwd())
    path = places.runs_path(found["workspace"])
    steps: list[dict[str, Any]] = client.get(f"{path}/{segment(found['id'])}/children")["value"]
    if step is not None:
        found, steps = find_step(steps, step), []
    if follow and attempt is not None:
        raise Trouble("A try that is over cannot be followed. Leave out --follow or --attempt.", BAD_USAGE)
    if follow:
        return _follow(at, path, found, steps, as_json=as_json)
    chosen = steps or [found]
    if attempt is not None:
        chosen = [s for s in chosen if s["attempt"] >= attempt]
        if not chosen:
            raise NotThere(f"No step of it was tried {attempt} times. See: penstock run show {terminal.short(run_id)}")
    for one in chosen:
        _print_kept(client, path, one, attempt, as_json=as_json, has_title=bool(steps))
    return 0


def _print_kept(
    client: Client, path: str, run: dict[str, Any], attempt: int | None, *, as_json: bool, has_title: bool
) -> None:
    look = Look.of_stdout()
    kept = list(kept_logs(client, path, run, attempt))
    if as_json:
        for name, text in kept:
            print_json_line({"log": {"run_id": run["id"], "name": name, "offset": 0, "text": text}})
        return
    if has_title:
        rule = "──" if look.has_glyphs else "--"
        which = f", try {attempt}" if attempt else ""
        reused = f", {words}" if (words := reused_from(run)) else ""
        title = f"{rule} {terminal.printable(run['name'])} ({run['status']}{which}{reused}) {rule}"
        click.echo(look.heading(title))
    for _, text in kept:
        if text:
            click.echo(ci.tame_in(os.environ)(text), nl=not text.endswith("\n"))
    if not any(text for _, text in kept):
        click.echo(look.paint("(it printed nothing)", dim=True))


def kept_logs(client: Client, path: str, run: dict[str, Any], attempt: int | None = None) -> Iterator[tuple[str, str]]:
    """The name and text of each log kept of one run: of its last try, or of the one asked for."""
    base = f"{path}/{segment(run['id'])}/files"
    is_last = attempt in (None, run["attempt"])
    folder = LOG_FOLDER if is_last else f"{LOG_FOLDER}attempt_{attempt}/"
    answer = client.get(base)
    files = answer["value"] if isinstance(answer, dict) else answer
    for file in files:
        of_it = file["name"].startswith(folder) and not file["name"].startswith(f"{folder}attempt_")
        if of_it and file.get("run_id", run["id"]) == run["id"]:
            yield file["name"], client.text(f"{base}/{'/'.join(segment(p) for p in file['name'].split('/'))}")


def _follow(at: Place, path: str, run: dict[str, Any], steps: list[dict[str, Any]], *, as_json: bool) -> int:
    follower = Follower(run, steps, Look.of_stdout(), ci.tame_in(os.environ))
    try:
        for line in lines(at, path, run["id"]):
            if as_json:
                if "ping" not in line:
                    print_json_line(line)
                follower.note(line)
            else:
                follower.show(line)
    except KeyboardInterrupt:
        follower.clear()
        say_it_goes_on(at, path, run)
        return INTERRUPTED
    except NoServer as error:
        raise lost_sight(at, run, error) from None
    follower.finish(as_json=as_json)
    status = asked(at, lambda server: server.get(f"{path}/{segment(run['id'])}"))["status"]
    return FAILED if status in ("Failed", "Canceled") else 0


def say_it_goes_on(at: Place, path: str, run: dict[str, Any]) -> None:
    """After Ctrl-C: how to follow the run again and how to cancel it. A second Ctrl-C within two seconds does that."""
    run_id, before = (
        run["id"],
        at.shown,
    )  # the whole id: who may run one pipeline and look at nothing else finds no other
    try:  # around the saying, too: who reads it may press before the waiting has begun
        click.echo(f"\nThe run goes on. Follow it again with: {before}penstock run logs -f {run_id}", err=True)
        click.echo(f"Stop it with: {before}penstock run cancel {run_id}, or now with Ctrl-C once more", err=True)
        time.sleep(AGAIN_SECONDS)
    except KeyboardInterrupt:
        places.server(at).post(f"{path}/{segment(run['id'])}/cancel", {"reason": "Ctrl-C twice"})
        click.echo("\nThe run was asked to stop.", err=True)


def lost_sight(at: Place, run: dict[str, Any], why: Trouble) -> Trouble:
    """What to say when it cannot be learned how a run goes on."""
    again = f"{at.shown}penstock run logs -f {run['id']}"
    return Trouble(f"{why.message} Follow the run again with: {again}", NOT_THERE, code=why.code, body=why.body)


def asked(at: Place, what: Callable[[Client], T]) -> T:
    """What a server answers; asked again where one goes away in the middle, for another goes on with the same runs."""
    for left in reversed(range(MOST_FAILURES + 1)):
        try:
            return what(places.server(at))
        except (NoServer, OSError, http.client.HTTPException):
            if not left:
                raise
    raise AssertionError("unreachable")


def lines(at: Place, path: str, run_id: str, *, logs: bool = True) -> Iterator[dict[str, Any]]:
    """The stream's lines until the run has ended, log text (if it is wanted) never twice.

    A connection that breaks is taken up where it was; a server that has left is started again, for the steps have gone on.
    """
    newest, failures, is_over = 0, 0, False
    seen: dict[tuple[str, int, str], int] = {}
    while failures <= MOST_FAILURES:
        try:
            # Always from the beginning: what a step printed while nobody listened comes only with its events.
            for line in places.server(at).stream(f"{path}/{segment(run_id)}/stream", {"logs": int(logs)}):
                event, log = line.get("event"), line.get("log")
                if (event and event["id"] <= newest) or (log and not _trim(log, seen)):
                    continue
                failures = 0
                yield line
                if event:
                    newest = event["id"]
                    if event["run_id"] == run_id and (event.get("body") or {}).get("status") in terminal.TERMINAL:
                        return
            if is_over:
                return
            # It ended early: the server has left. If the run is over by now, what it missed is read in one more pass.
            is_over = places.server(at).get(f"{path}/{segment(run_id)}")["status"] in terminal.TERMINAL
            failures += not is_over
        except TimeoutError:  # a silent step; the next try finds out whether the server is still there
            continue
        except (NoServer, OSError, ValueError, http.client.HTTPException) as error:
            failures += 1
            if failures > MOST_FAILURES:
                raise NoServer(f"The server stopped sending: {error}") from error


def _trim(log: dict[str, Any], seen: dict[tuple[str, int, str], int]) -> bool:
    """Whether `log` has text not seen yet; what was seen (in bytes from the log's start) is cut off."""
    key = (log["run_id"], int(log.get("attempt") or 1), log["name"])
    start, data = int(log["offset"]), log["text"].encode()
    known = seen.get(key, 0)
    if start + len(data) <= known:
        return False
    seen[key] = start + len(data)
    if start < known:
        log["offset"], log["text"] = known, data[known - start :].decode("utf-8", "replace")
    return True
