"""`penstock datastore …`: list, show, map, upload, ls. Reads and writes the local folder that the server says is behind one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from penstock.cli import registered, terminal
from penstock.cli.client import Client, segment
from penstock.cli.commands import HelpfulGroup, home_option, json_option, quiet_option, workspace_option
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look
from penstock.cli.trouble import NotThere, Trouble

Json = dict[str, Any]


@click.group(cls=HelpfulGroup)
def datastore() -> None:
    """List, map, fill and look into datastores: names for folders that hold data."""


@datastore.command("list")
@workspace_option
@home_option
@json_option
def list_datastores(workspace: str | None, home: str | None, as_json: bool) -> None:
    """The workspace's datastores and the folders behind them."""
    client, chosen = registered.chosen(workspace, home)
    page = client.get(f"ws/{segment(chosen)}/datastores")
    if as_json:
        print_json(page)
        return
    rows = [[d["name"] + (" *" if d["is_default"] else ""), d["type"], d["url"] or d["root"]] for d in page["value"]]
    click.echo(terminal.table(["NAME (* default)", "TYPE", "BEHIND IT"], rows, Look.of_stdout(), limit=90))


@datastore.command("show")
@click.argument("name")
@workspace_option
@home_option
@json_option
def show(name: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """What was registered as NAME. Of a secret, *** says that there is one."""
    client, chosen = registered.chosen(workspace, home)
    found = client.get(f"ws/{segment(chosen)}/datastores/{segment(name)}")
    if as_json:
        print_json(found)
        return
    facts = [
        ["type", found["type"]],
        ["behind it", found["url"] or found["root"]],
        ["default", "yes" if found["is_default"] else "no"],
    ]
    facts += [[key, str(value)] for key, value in sorted(found["settings"].items())]
    click.echo(terminal.table(["DATASTORE", found["name"]], facts, Look.of_stdout(), limit=90))


@datastore.command("map")
@click.argument("name")
@click.argument("target", required=False)
@click.option("--reset", is_flag=True, help="Go back to the datastore's own folder in the home.")
@workspace_option
@home_option
@json_option
@quiet_option
def map_datastore(
    name: str,
    target: str | None,
    reset: bool,
    workspace: str | None,
    home: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Put TARGET, a local folder (for a database a SQLite file) or any fsspec URL, behind the datastore NAME.

    The files of a URL that is not file:// are brought to a folder of the home when they are needed. What lay behind the
    datastore before stays where it is. Runs that have been submitted go on with what they began with.
    """
    if (target is None) == (not reset):
        raise click.UsageError("Give a folder or URL, or --reset.")
    client, chosen = registered.chosen(workspace, home)
    if target is not None and "://" not in target:
        target = os.path.abspath(os.path.expanduser(target))
    answer = client.put(f"ws/{segment(chosen)}/datastores/{segment(name)}/root", {"root": target})
    if as_json:
        print_json(answer)
    elif not quiet:
        click.echo(f"Datastore '{name}' of workspace '{chosen}' is {answer['url'] or answer['root']}.")


@datastore.command("upload")
@click.argument("name")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("path", default="")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@workspace_option
@home_option
@json_option
@quiet_option
def upload(
    name: str,
    source: Path,
    path: str,
    overwrite: bool,
    workspace: str | None,
    home: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Copy SOURCE, a file or a folder with all below it, to PATH on the datastore NAME."""
    client, chosen = registered.chosen(workspace, home)
    root = _root(client, chosen, name)
    base = source if source.is_dir() else source.parent
    files = sorted(_files_below(source, source.resolve())) if source.is_dir() else [source]
    copied, kept = [], []
    for file in files:
        target = _beneath(root, f"{path}/{file.relative_to(base)}")
        if target.exists() and not overwrite:
            kept.append(str(file))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(file, target)
        copied.append(str(target.relative_to(root)))
    client.post(f"ws/{segment(chosen)}/datastores/{segment(name)}/push", {"path": path})
    if as_json:
        print_json({"copied": copied, "kept": kept})
    elif not quiet:
        there = f"; {len(kept)} there already (--overwrite replaces them)" if kept else ""
        click.echo(f"Copied {len(copied)} of {len(files)} files to '{name}'{there}.")


@datastore.command("ls")
@click.argument("name")
@click.argument("path", default="")
@workspace_option
@home_option
@json_option
def list_files(name: str, path: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """What lies at PATH on the datastore NAME; a folder ends in a slash."""
    client, chosen = registered.chosen(workspace, home)
    root = _root(client, chosen, name)
    client.post(f"ws/{segment(chosen)}/datastores/{segment(name)}/pull", {"path": path})
    place = _beneath(root, path)
    if not place.exists():
        raise NotThere(f"Datastore '{name}' has nothing at '{path}'. See what is above: penstock datastore ls {name}")
    entries = sorted(place.iterdir()) if place.is_dir() else [place]
    found: list[Json] = [
        {"name": e.name + ("/" if e.is_dir() else ""), "size_bytes": None if e.is_dir() else e.stat().st_size}
        for e in entries
        if e.name != ".staging"
    ]
    if as_json:
        print_json({"value": found})
        return
    for entry in found:
        shown = "-" if entry["size_bytes"] is None else terminal.size(entry["size_bytes"])
        click.echo(f"{shown:>10}  {terminal.printable(entry['name'])}")


def _root(client: Client, workspace: str, name: str) -> Path:
    """The local folder behind the datastore; Trouble when it is not on this machine."""
    root = Path(client.get(f"ws/{segment(workspace)}/datastores/{segment(name)}")["root"])
    if not root.is_dir():
        raise Trouble(
            f"Datastore '{name}' is {root}, which is no folder of this machine. Look at it where the server runs."
        )
    return root


def _files_below(folder: Path, real: Path) -> Iterator[Path]:
    """Every file below `folder`; links to folders are followed, but not in a circle. Trouble names a broken link."""
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.is_file():
            yield path
        elif entry.is_dir():
            inner = path.resolve() if entry.is_symlink() else real / entry.name
            if not real.is_relative_to(inner):
                yield from _files_below(path, inner)
        elif entry.is_symlink():
            raise Trouble(f"{path} is a link to {os.readlink(path)}, which does not exist. Mend it, or remove it.")


def _copy(file: Path, target: Path) -> None:
    """A copy that is there whole or not at all, of a file that nobody writes to meanwhile."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        before = file.stat()
        shutil.copyfile(file, partial)
        after = file.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise Trouble(f"{file} was written to while it was being copied. Try again when nothing writes to it.")
        os.replace(partial, target)
    except FileNotFoundError:
        raise Trouble(f"{file} was removed while its folder was being uploaded. Upload again.") from None
    finally:
        partial.unlink(missing_ok=True)


def _beneath(root: Path, path: str) -> Path:
    joined = root / path.lstrip("/")
    if not joined.resolve().is_relative_to(root.resolve()):
        raise click.UsageError(f"The path {path!r} leads out of the datastore. Leave out the '..'.")
    return joined
