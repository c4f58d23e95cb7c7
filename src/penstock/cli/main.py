"""The `penstock` command: its groups, its exit codes, and how an error is shown.

Knows the names of the commands and which module holds each; imports none of them before one is asked for, so that
`penstock --help` is quick. Must not import the server.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from penstock import __version__
from penstock.cli.commands import LazyGroup
from penstock.cli.trouble import BAD_USAGE, FAILED, INTERRUPTED, Trouble

HELP = """Run Azure Machine Learning pipelines (SDK v1) on your own machine.

\b
Start here:
  penstock init        make a home and a workspace for this folder
  penstock run list    the latest runs
  penstock doctor      check that everything is in order
"""

EPILOG = """\b
Exit codes:
  0    it worked
  1    what was asked about failed (the run, a check, a refusal by the server)
  2    bad usage: an unknown command, option or value
  3    no server answers, or what was named was not found
  130  interrupted with Ctrl-C (runs go on)

\b
Every command takes --json: one JSON document (or one a line where it streams), the same objects as the HTTP API.
Colours appear only on a terminal and never with NO_COLOR set.

\b
Completion of commands, run ids and pipelines, in one line of ~/.bashrc (or ~/.zshrc with zsh_source):
  eval "$(_PENSTOCK_COMPLETE=bash_source penstock)"
"""


@click.group(
    cls=LazyGroup,
    lazy={
        "init": ("penstock.cli.home", "init", "Make a home, and a workspace for this folder."),
        "serve": ("penstock.cli.home", "serve", "Run the server in the foreground."),
        "status": ("penstock.cli.home", "status", "Say whether a server runs, and what it is doing."),
        "stop": ("penstock.cli.home", "stop", "Stop the server; running steps go on by themselves."),
        "service": ("penstock.cli.service", "service", "Keep a server that survives logout and restarts."),
        "doctor": ("penstock.cli.doctor", "doctor", "Check that everything is in order, and say how to mend it."),
        "backup": ("penstock.cli.backup", "backup", "Write the whole home to one file, while it is in use."),
        "restore": ("penstock.cli.backup", "restore", "Make a home from such a file."),
        "pipeline": ("penstock.cli.published", "pipeline", "Publish pipelines, look at them, and run them."),
        "run": ("penstock.cli.runs", "run", "Submit, list, show, follow, cancel and resume runs."),
        "why": ("penstock.cli.why", "why", "Say why each step of a run ran, or what was reused in its place."),
        "plan": ("penstock.cli.why", "plan", "Say what would run, and why, if a run were submitted again now."),
        "cache": ("penstock.cli.cache", "cache", "List, verify and forget results that may be reused."),
        "gc": ("penstock.cli.clearing", "gc", "Clear away outputs by age or size; bring them back."),
        "step": ("penstock.cli.step", "step", "Run one step of a run by hand, under a debugger."),
        "datastore": ("penstock.cli.datastores", "datastore", "List, map, fill and look into datastores."),
        "dataset": ("penstock.cli.datasets", "dataset", "List, show and register datasets."),
        "model": ("penstock.cli.models", "model", "List and show registered models."),
        "compute": ("penstock.cli.computes", "compute", "List and create compute targets."),
        "login": ("penstock.cli.login", "login", "Sign in at a server on another machine."),
        "logout": ("penstock.cli.login", "logout", "Forget how to sign in there."),
        "whoami": ("penstock.cli.login", "whoami", "Say who the server takes you for."),
        "principal": ("penstock.cli.principals", "principal", "Say who may sign in beside you, and what they may do."),
        "audit": ("penstock.cli.principals", "audit", "Say who changed what over the network, and who was refused."),
        "schedule": (
            "penstock.cli.schedules",
            "schedule",
            "Look at schedules, switch them, run and catch them up by hand.",
        ),
        "webhook": ("penstock.cli.webhooks", "webhook", "Have an address told when pipeline runs end."),
        "selftest": ("penstock.cli.selftest", "selftest", "Simulate crashes from a seed; check that nothing is lost."),
    },
    help=HELP,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, "--version", prog_name="penstock", message="%(prog)s %(version)s")
def cli() -> None:
    """The group itself does nothing."""


def main(args: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    sys.exit(run(sys.argv[1:] if args is None else args))


def run(args: list[str]) -> int:
    """The exit code of the command `args`, its output and its error printed."""
    try:
        outcome = cli.main(args=args, prog_name="penstock", standalone_mode=False)
        sys.stdout.flush()
    except Trouble as trouble:
        return _show(trouble, as_json="--json" in args)
    except click.exceptions.NoArgsIsHelpError as error:  # a bare group is asked what there is
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        place = error.ctx.command_path if error.ctx else "penstock"
        more = (f"See: {place} --help",)
        return _show(Trouble(error.format_message(), BAD_USAGE, code="BadUsage", more=more), as_json="--json" in args)
    except click.ClickException as error:
        return _show(Trouble(error.format_message(), FAILED), as_json="--json" in args)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has left: say nothing more, and keep the interpreter's last flush from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return outcome if isinstance(outcome, int) else 0


def _show(trouble: Trouble, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(_error_json(trouble), ensure_ascii=False))
    click.secho(f"penstock: {trouble.message}", err=True, fg="red" if _stderr_has_colour() else None)
    for line in trouble.more:
        click.echo(f"  {line}", err=True)
    return trouble.exit_code


def _error_json(trouble: Trouble) -> dict[str, Any]:
    return trouble.body or {
        "error": {"code": trouble.code, "message": trouble.message, "target": "", "details": []},
    }


def _stderr_has_colour() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
