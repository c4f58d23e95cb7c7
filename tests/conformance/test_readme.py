"""The code of the README and of the pages runs and prints what it says it prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRAIN = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--reg', type=float)\nparser.parse_args()\n"


def test_the_quick_look_and_publishing_do_what_they_say(home: Path, tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text()
    look, publish = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert max(look.count("\n"), publish.count("\n")) <= 35
    mark = "print('---')\n"
    done = subprocess.run(
        [sys.executable, "-c", look + mark + publish], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = done.stdout.split("---\n")
    metrics, link = first.splitlines()[-2:]
    assert metrics == "{'total': 6}"
    assert link.startswith("http://127.0.0.1:")
    assert second.splitlines()[-1] == "{'scaled': 9.0}"
    (command,) = re.findall(r"`penstock (run submit-pipeline [^`]+--wait)`", page)
    done = subprocess.run([sys.executable, "-m", "penstock", *command.split()], cwd=tmp_path, timeout=60)
    assert done.returncode == 0


def test_the_module_of_the_docs_does_what_it_says(home: Path, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "steps.md").read_text(), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().splitlines()[-1] == "the sum is 42"


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_what_the_page_of_publishing_says_works(home: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/publish.md").read_text()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/train.py").write_text(TRAIN)
    run([sys.executable, "-m", "penstock", "init"], tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    printed = run([sys.executable, "-c", "\n".join(blocks)], tmp_path).splitlines()
    assert printed[-1] == "Finished"
    assert any("/PipelineEndpointSubmit/Id/" in line for line in printed)
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).splitlines()
    assert len(commands) == 3
    said = {line: run([sys.executable, "-m", *shlex.split(line)], tmp_path) for line in commands}
    assert (
        "✔ Completed" in said[commands[-1]] and "of endpoint 'training' in experiment 'nightly'" in said[commands[-1]]
    )
    assert "reg_rate" in said["penstock pipeline show training_pipeline"]
