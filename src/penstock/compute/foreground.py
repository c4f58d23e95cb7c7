"""One job in the foreground of whoever asks, for debugging: laid out as the node would, run as a child with the terminal's own streams.

Knows the job folder's layout; nothing of the store. No stub watches over it and nothing is written of its end.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.model.errors import BadRequest
from penstock.node import materials, script
from penstock.node.folder import NotStarted

Json = dict[str, Any]
WORK = materials.WORK
KILLED = 128


def lay_out(job: Json, folder: Path) -> None:
    """Make in `folder` what the script finds: its files, inputs and output folders. It becomes the current folder."""
    if job["snapshot"] and not Path(job["snapshot"]["manifest"]).exists():
        raise BadRequest(
            "The step's files are not on this machine: its server keeps them elsewhere. Run this command there."
        )
    for given in job["inputs"]:
        if not Path(given["source"]).exists():
            raise BadRequest(
                f"Input '{given['name']}' is not there: {given['source']}. The step that writes it has not completed, or "
                "its output was removed. Run that one first."
            )
    os.chdir(folder)
    os.makedirs(WORK)
    try:
        if job["snapshot"]:
            materials.materialise(job["snapshot"])
        materials.copy_inputs(job["inputs"])
        materials.make_folders(job["captures"], job["outputs"])
    except NotStarted as error:
        raise BadRequest(f"{error.what} {error.fix}") from error


def run(job: Json, folder: Path, beside: Mapping[str, str]) -> int:
    """The script's exit status (128 and the number of the signal that ended it). Its environment is the job's over `beside`.

    Ctrl-C is the script's: a debugger knows what to do with it.
    """
    env = {**beside, **job["env"]}
    if job["sdk_path"]:
        env["PENSTOCK_SDK_PATH"] = job["sdk_path"]
    try:
        program = script.find_program(job["argv"][0], env.get("PATH"))
    except NotStarted as error:
        raise BadRequest(f"{error.what} {error.fix}") from error
    process = subprocess.Popen(job["argv"], executable=program, cwd=folder / WORK, env=env)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return status if status >= 0 else KILLED - status
