"""`penstock backup | restore`: a home as one file, and back."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

import penstock
from penstock.cli import places
from penstock.cli.commands import home_option, json_option, quiet_option
from penstock.cli.printing import print_json
from penstock.cli.terminal import size
from penstock.cli.trouble import BAD_USAGE, FAILED, Trouble
from penstock.model.errors import PenstockError


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@home_option
@json_option
@quiet_option
def backup(file: Path, home: str | None, as_json: bool, quiet: bool) -> None:
    """Write the whole home to FILE (a tar.gz), while its server goes on working.

    FILE holds the signing key and the token: keep it as you would keep them. It appears when it is whole.
    """
    from penstock.service.care.backup import back_up

    at = _home_here(home)
    target = file.absolute()
    if not target.parent.is_dir():
        raise Trouble(f"The folder {target.parent} does not exist. Make it, or name another file.", BAD_USAGE)
    try:
        taken = back_up(at, target, penstock.__version__, time.time())
    except PenstockError as error:
        raise Trouble(error.message, FAILED, code=error.code) from None
    except OSError as error:
        raise Trouble(
            f"{error.filename or target} could not be copied: {error.strerror}. Nothing was left behind."
        ) from None
    whole = target.stat().st_size
    if as_json:
        print_json(
            {"file": str(target), "home": str(at), "files": taken.n_files, "bytes": taken.size_bytes, "size": whole}
        )
    elif not quiet:
        click.echo(f"Backed up {at}: {taken.n_files:,} files, {size(taken.size_bytes)}, to {target} ({size(whole)}).")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also where there is a home already: what is there is moved aside.")
@home_option
@json_option
@quiet_option
def restore(file: Path, force: bool, home: str | None, as_json: bool, quiet: bool) -> None:
    """Make a home from FILE, which `penstock backup` wrote.

    Runs that were active then are taken up by the next server: what had ended keeps its end, what had not begun begins, and what was
    in the middle fails and says that it was lost.
    """
    from penstock.service.care.backup import restore as bring_back

    at = _home_here(home)
    try:
        aside = bring_back(file.absolute(), at, force=force, stamp=time.strftime("%Y%m%d-%H%M%S"))
    except PenstockError as error:
        raise Trouble(error.message, FAILED, code=error.code) from None
    except OSError as error:
        raise Trouble(
            f"{error.filename or at} could not be written: {error.strerror}. What was there is as it was."
        ) from None
    if as_json:
        print_json({"home": str(at), "replaced": str(aside) if aside else None})
    elif not quiet:
        click.echo(f"Restored {at} from {file}." + (f" What was there before is in {aside}." if aside else ""))
        click.echo("Check it: penstock doctor")


def _home_here(home: str | None) -> Path:
    at = places.place(home)
    if at.url:
        raise Trouble(
            f"{at.named_by} names a server elsewhere; a home is backed up on its own machine. Take that out, or name the home: --home FOLDER",
            BAD_USAGE,
        )
    if os.environ.get("PENSTOCK_DATABASE"):
        raise Trouble(
            "PENSTOCK_DATABASE is set: only homes with their own SQLite database are backed up. Back up the server's database with its "
            "own tools (pg_dump), and the home's folder after it.",
            BAD_USAGE,
        )
    return at.home
