"""`penstock pipeline submit` and `penstock run submit-pipeline`, one command: a published pipeline, an endpoint or a YAML file is run, and
followed to its end if asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from penstock.cli import authoring, ci, places, terminal, waiting
from penstock.cli.client import segment
from penstock.cli.commands import home_option, json_option, quiet_option, workspace_option
from penstock.cli.targets import complete_published, find_target
from penstock.cli.terminal import Look
from penstock.cli.trouble import BAD_USAGE, Trouble
from penstock.cli.waiting import Submitted

Json = dict[str, Any]
RUN_SOURCE = "runSource"
EXIT_CODES = """\b
Exit codes:
  0    submitted; with --wait: the run completed
  1    with --wait: the run failed or was canceled; or the server refused to run it
  2    an option, a parameter or a value is wrong: nothing was started
  3    no server answers, or there is no such pipeline; with --wait also: how the run ended could not be learned
  130  interrupted with Ctrl-C; the run goes on

\b
Parameters are text, and become what their types say: 0.1, 5, true; a datapath is datastore/path, a dataset name,
name:version or an id. In GitHub Actions and Azure Pipelines errors become annotations, and with --wait the steps a
table in the build's summary.
"""


_OPTIONS = (
    click.option("-i", "--pipeline-id", metavar="PIPELINE", help="The same as the argument."),
    click.option("-y", "--yaml", "--pipeline-yaml", "file", metavar="FILE", help="A YAML file, in place of PIPELINE."),
    click.option(
        "-e",
        "-n",
        "--experiment",
        "--experiment-name",
        metavar="NAME",
        help="Its experiment. Default: the pipeline's name.",
    ),
    click.option(
        "-p",
        "--parameter",
        "--parameters",
        "given",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter. May be repeated.",
    ),
    click.option("--tag", "tags", multiple=True, metavar="NAME[=VALUE]", help="A tag of the run. May be repeated."),
    click.option("--version", metavar="N", help="The version of an endpoint. Default: its default."),
    click.option("--display-name", metavar="TEXT", help="What the run is called."),
    click.option("--regenerate-outputs", is_flag=True, help="Run every step, whatever could be reused."),
    click.option("--continue-on-step-failure", is_flag=True, help="Go on with what does not need a failed step."),
    click.option("--wait", is_flag=True, help="Follow the run to its end, and exit by how it ended."),
    click.option("--logs", "with_logs", is_flag=True, help="With --wait: show what the steps print, too."),
    click.option(
        "-t", "--output-metadata-file", "kept", metavar="FILE", help="Write the JSON of the run to this file."
    ),
    # What else a line written for `az ml` may have; a workspace's name is enough here.
    click.option("-g", "--resource-group", hidden=True),
    click.option("--subscription-id", hidden=True),
    click.option("--workspace-name", hidden=True),
)


def _options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(epilog=EXIT_CODES)
@click.argument("pipeline", required=False, shell_complete=complete_published)
@_options
@authoring.python_option
@workspace_option
@home_option
@json_option
@quiet_option
def submit(pipeline: str | None, home: str | None, as_json: bool, **asked: Any) -> int:
    """Run a published pipeline.

    PIPELINE is an id or as many of its first characters as make it the only one, the name of an endpoint or of a published
    pipeline (of several the newest active one), or the address that publishing printed.
    """
    build = ci.build_of(os.environ)
    showing = waiting.Showing(as_json, asked["quiet"], asked["with_logs"], asked["kept"], build)
    try:
        made = _submitted(pipeline, home, asked)
        return waiting.follow_to_the_end(made, showing) if asked["wait"] else waiting.say_submitted(made, showing)
    except Trouble as trouble:
        if build is not None:
            click.echo(build.issue(ci.Issue(trouble.message, "penstock")), err=as_json)
        raise


def _submitted(pipeline: str | None, home: str | None, asked: Json) -> Submitted:
    named = [n for n in (pipeline, asked["pipeline_id"], asked["file"]) if n]
    if len(named) != 1:
        what = f"Several are named: {', '.join(named)}." if named else "Which pipeline?"
        raise Trouble(f"{what} Give one: its id, its name, its address, or a YAML file with --yaml.", BAD_USAGE)
    asked["workspace"] = asked["workspace"] or asked["workspace_name"]
    parameters, tags = _pairs("-p", asked["given"]), _pairs("--tag", asked["tags"], is_value_needed=False)
    if asked["file"]:
        return _of_file(asked["file"], home, asked, parameters, tags)
    target = find_target(named[0], asked["workspace"], home)
    if asked["version"] and target.kind == "pipeline":
        raise Trouble(
            f"{named[0]} is a published pipeline, and only endpoints have versions. Leave out --version.", BAD_USAGE
        )
    version = asked["version"] or target.version
    body: Json = {
        "experiment": asked["experiment"] or _experiment(target.name),
        "parameters": parameters,
        "tags": tags,
        "display_name": asked["display_name"],
        "regenerate_outputs": asked["regenerate_outputs"],
        "continue_on_step_failure": asked["continue_on_step_failure"] or None,
        "properties": {RUN_SOURCE: "CLI"},
        "version": version,
    }
    try:
        answer = target.client.post(f"{target.path}/runs", body)
    except Trouble as trouble:
        raise _taught(trouble) from None
    what = target.title + (f", version {version}," if version else "")
    return Submitted(target.place, target.client, answer["run"], answer["notes"], what)


def _of_file(file: str, home: str | None, asked: Json, parameters: Json, tags: Json) -> Submitted:
    at = places.place(home)
    client = places.server(at)
    workspace = places.choose_workspace(client, asked["workspace"], Path.cwd())
    more: Json = {k: asked[k] for k in ("regenerate_outputs", "continue_on_step_failure", "display_name")}
    more |= {"tags": {k: v or "" for k, v in tags.items()}, "properties": {RUN_SOURCE: "CLI"}}
    said = {"experiment": asked["experiment"] or _experiment(Path(file).stem), "parameters": parameters, "submit": more}
    run_id = authoring.Author.of(at, home, asked["python"]).submit(workspace, file, said)
    return Submitted(at, client, client.get(f"{places.runs_path(workspace)}/{segment(run_id)}"), [], f"'{file}'")


def _pairs(option: str, given: tuple[str, ...], *, is_value_needed: bool = True) -> Json:
    found: Json = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not name or (is_value_needed and not mark):
            raise Trouble(
                f"'{option} {text}' has no {'name' if not name else 'value'}. Write {option} NAME=VALUE.", BAD_USAGE
            )
        if name in found:
            raise Trouble(f"{option} gives '{name}' twice: {found[name]!r} and {value!r}. Leave one out.", BAD_USAGE)
        found[name] = value if mark else None
    return found


def _experiment(name: str) -> str:
    """The experiment of a pipeline of this name, where an experiment may be called so."""
    plain = name.replace(" ", "-")
    if (
        plain.replace("-", "").replace("_", "").isalnum()
        and plain.isascii()
        and plain[0].isalnum()
        and len(plain) <= 255
    ):
        return plain
    raise Trouble(
        f"Which experiment? '{name}' is no name for one: say -e NAME, of letters, digits, '-' and '_'.", BAD_USAGE
    )


def _taught(trouble: Trouble) -> Trouble:
    """What is wrong with parameters, with those that there are as a table; other refusals as they are."""
    details = (trouble.body or {}).get("error", {}).get("details") or []
    known = [d for d in details if d.get("code") == "Parameter"]
    wrong = [str(d["message"]) for d in details if d.get("code") != "Parameter"]
    if not wrong or (trouble.body or {})["error"].get("code") != "InvalidGraph":
        return trouble
    if not known:
        return Trouble(trouble.message, BAD_USAGE, code=trouble.code, body=trouble.body)
    rows = [[f"-p {d['target']}=…", *str(d["message"]).split(", default ", 1)] for d in known]
    table = terminal.table(["PARAMETER", "TYPE", "DEFAULT"], rows, Look.of_stdout(), limit=60)
    more = (*wrong[1:], "", *table.splitlines())
    return Trouble(wrong[0], BAD_USAGE, code=trouble.code, more=more, body=trouble.body)
