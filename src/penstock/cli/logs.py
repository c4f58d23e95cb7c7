"""`penstock run logs`: what the steps printed, as it was kept, or followed as it comes."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from penstock.cli import places, terminal
from penstock.cli.client import Client, segment
from penstock.cli.commands import home_option, json_option, workspace_option
from penstock.cli.finding import complete_run_id, find_run, find_step
from penstock.cli.following import Follower
from penstock.cli.places import Place
from penstock.cli.printing import print_json_line
from penstock.cli.terminal import Look
from penstock.cli.trouble import FAILED, INTERRUPTED, NoServer, Trouble

LOG_FOLDER = "azureml-logs/"
MOST_FAILURES = 3


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends. Ctrl-C leaves the run alone.")
@click.option("--step", metavar="NAME", help="Only this step (its name or run id).")
@workspace_option
@home_option
@json_option
def logs(run_id: str, follow: bool, step: str | None, workspace: str | None, home: str | None, as_json: bool) -> int:
    """What a run's steps printed. With -f: follow it; exits with 1 when the run fails or is canceled.

    Each line is led by its step's name when there are several steps. --json prints one object a line.
    """
    at = places.place(home)
    client = places.server(at)
    found = find_run(client, run_id, workspace, Path.cwd())
    path = places.runs_path(found["workspace"])
    steps: list[dict[str, Any]] = client.get(f"{path}/{segment(found['id'])}/children")["value"]
    if step is not None:
        found, steps = find_step(steps, step), []
    if follow:
        return _follow(at, path, found, steps, as_json=as_json)
    for one in steps or [found]:
        _print_kept(client, path, one, as_json=as_json, has_title=bool(steps))
    return 0


def _print_kept(client: Client, path: str, run: dict[str, Any], *, as_json: bool, has_title: bool) -> None:
    look = Look.of_stdout()
    kept = list(kept_logs(client, path, run["id"]))
    if as_json:
        for name, text in kept:
            print_json_line({"log": {"run_id": run["id"], "name": name, "offset": 0, "text": text}})
        return
    if has_title:
        rule = "──" if look.has_glyphs else "--"
        title = f"{rule} {terminal.printable(run['name'])} ({run['status']}) {rule}"
        click.echo(look.heading(title))
    for _, text in kept:
        click.echo(text, nl=not text.endswith("\n"))
    if not any(text for _, text in kept):
        click.echo(look.paint("(it printed nothing)", dim=True))


def kept_logs(client: Client, path: str, run_id: str) -> Iterator[tuple[str, str]]:
    """The name and text of each log kept of one run."""
    base = f"{path}/{segment(run_id)}/files"
    answer = client.get(base)
    files = answer["value"] if isinstance(answer, dict) else answer
    for file in files:
        if file["name"].startswith(LOG_FOLDER) and file.get("run_id", run_id) == run_id:
            yield file["name"], client.text(f"{base}/{'/'.join(segment(p) for p in file['name'].split('/'))}")


def _follow(at: Place, path: str, run: dict[str, Any], steps: list[dict[str, Any]], *, as_json: bool) -> int:
    follower = Follower(run, steps, Look.of_stdout())
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
        short = terminal.short(run["id"])
        click.echo(f"\nThe run goes on. Follow it again with: penstock run logs -f {short}", err=True)
        click.echo(f"Stop it with: penstock run cancel {short}", err=True)
        return INTERRUPTED
    follower.finish(as_json=as_json)
    status = places.server(at).get(f"{path}/{segment(run['id'])}")["status"]
    return FAILED if status in ("Failed", "Canceled") else 0


def lines(at: Place, path: str, run_id: str) -> Iterator[dict[str, Any]]:
    """The stream's lines until the run has ended, log text never twice.

    A connection that breaks is taken up where it was; a server that has left is started again, for the steps have gone on.
    """
    newest, failures, is_over = 0, 0, False
    seen: dict[tuple[str, str], int] = {}
    while failures <= MOST_FAILURES:
        try:
            # Always from the beginning: what a step printed while nobody listened comes only with its events.
            for line in places.server(at).stream(f"{path}/{segment(run_id)}/stream", {"logs": 1}):
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
                raise Trouble(f"The server stopped sending: {error} Run the command again.") from error


def _trim(log: dict[str, Any], seen: dict[tuple[str, str], int]) -> bool:
    """Whether `log` has text not seen yet; what was seen (in bytes from the log's start) is cut off."""
    key, start, data = (log["run_id"], log["name"]), int(log["offset"]), log["text"].encode()
    known = seen.get(key, 0)
    if start + len(data) <= known:
        return False
    seen[key] = start + len(data)
    if start < known:
        log["offset"], log["text"] = known, data[known - start :].decode("utf-8", "replace")
    return True
