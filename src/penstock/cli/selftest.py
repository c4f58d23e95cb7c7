"""`penstock selftest`: checks this version of Penstock on this machine, in a world of its own. Touches no home and needs no server."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.commands import json_option
from penstock.cli.printing import print_json
from penstock.cli.trouble import FAILED

if TYPE_CHECKING:
    from penstock.selftest.simulation import Result

DEFAULT_SEEDS = 300


def _range(_: click.Context, param: click.Parameter, value: str | None) -> range | None:
    """`A..B` as the range from A to B, both ends meant."""
    if value is None:
        return None
    first, dots, last = value.partition("..")
    if not (dots and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise click.BadParameter(f"{value!r} is no range of seeds. Give two numbers, such as 1..1000.", param=param)
    return range(int(first), int(last) + 1)


@click.command()
@click.option("--crash", is_flag=True, help="Simulate crashes (the one test there is, so it is always run).")
@click.option("--seed", type=click.IntRange(min=0), help="Replay one seed and print its story.")
@click.option("--seeds", metavar="A..B", callback=_range, help="Run a range of seeds.")
@json_option
def selftest(crash: bool, seed: int | None, seeds: range | None, as_json: bool) -> int:
    """Simulate crashes at every point, lost messages, power cuts and wrong clocks, and check that nothing is lost or done twice.

    The server's own code runs in a made-up world, all of which follows from one number, the seed. Nothing outside of memory and a
    folder for temporary files is touched. Exits with 1 when a promise was not kept; report the seed then.
    """
    if seed is not None and seeds is not None:
        raise click.UsageError("--seed replays one, --seeds runs many. Give one of the two.")
    if seed is not None:
        return _replay(seed, as_json)
    return _run_many(seeds if seeds is not None else range(DEFAULT_SEEDS), as_json)


def _replay(seed: int, as_json: bool) -> int:
    (result,) = _results(range(seed, seed + 1))
    if as_json:
        print_json({**_as_json(result), "story": list(result.story)})
    else:
        click.echo("\n".join(result.story))
        click.echo(_verdict(result))
    return FAILED if result.problems else 0


def _run_many(seeds: range, as_json: bool) -> int:
    started, failed = time.monotonic(), []
    n_crashes = n_faults = n_steps = 0
    bar: Any = _Silent(_results(seeds)) if as_json else click.progressbar(_results(seeds), len(seeds), "Simulating")
    with bar as results:
        for result in results:
            n_crashes += result.n_crashes
            n_faults += result.n_faults
            n_steps += result.n_steps
            if result.problems:
                failed.append(result)
    seconds = time.monotonic() - started
    if as_json:
        counts = {"crashes": n_crashes, "faults": n_faults, "steps": n_steps, "seconds": round(seconds, 1)}
        print_json({"ok": not failed, "seeds": len(seeds), **counts, "failed": [_as_json(r) for r in failed]})
        return FAILED if failed else 0
    counted = f"{len(seeds):,} seeds, {n_steps:,} steps, {n_crashes:,} crashes, {n_faults:,} faults"
    click.echo(f"{counted} in {seconds:.0f} s")
    for result in failed[:20]:
        click.echo(_verdict(result))
    if failed:
        click.echo(
            f"{len(failed)} seeds failed. To read one's story: penstock selftest --crash --seed {failed[0].seed}"
        )
        return FAILED
    click.echo("Nothing was lost, nothing was done twice.")
    return 0


class _Silent:
    """A progress bar that shows nothing."""

    def __init__(self, results: Iterator[Result]) -> None:
        self._results = results

    def __enter__(self) -> Iterator[Result]:
        return self._results

    def __exit__(self, *_: object) -> None:
        pass


def _results(seeds: range) -> Iterator[Result]:
    from penstock.selftest.simulation import make_home, run_seed  # the whole server: not for `penstock --help`

    home: Path = make_home()
    try:
        for seed in seeds:
            yield run_seed(seed, home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _verdict(result: Result) -> str:
    if not result.problems:
        return f"Seed {result.seed}: all is as it must be."
    return "\n".join(f"Seed {result.seed}: {problem}" for problem in result.problems)


def _as_json(result: Result) -> dict[str, Any]:
    counts = {"crashes": result.n_crashes, "faults": result.n_faults, "steps": result.n_steps}
    return {"seed": result.seed, "problems": list(result.problems), **counts}
