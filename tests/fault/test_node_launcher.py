"""The launcher is invisible: a script does the same under it as by itself, on the oldest Python, this one and the newest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.node import LAUNCHER

SCRIPTS = {
    "arguments": "import sys; print(sys.argv, sys.path[0], __name__, __spec__, __doc__, __package__)",
    "file": "import os; print(os.path.abspath(__file__), sorted(k for k in globals() if k not in ('__annotations__', 'os')))",
    "docstring": '"""what I am"""\nprint(__doc__)',
    "sibling": "import sibling; print(sibling.X)",
    "exit 3": "import sys; print('x', end=''); sys.exit(3)",
    "exit text": "import sys; sys.exit('told you')",
    "exit none": "import sys; sys.exit()",
    "exit true": "raise SystemExit(True)",
    "exit by os": "import os; os._exit(7)",
    "raise": "def f():\n    raise ValueError('no')\nf()",
    "chained": "try:\n    {}['a']\nexcept KeyError as e:\n    raise RuntimeError('lost') from e",
    "in handling": "try:\n    {}['a']\nexcept KeyError:\n    1 / 0",
    "syntax": "x = 1\nif x\n    pass",
    "encoding": "# -*- coding: latin-1 -*-\nprint(len('\xe9'))",
    "recursion": "def f():\n    f()\nf()",
    "interrupt": "raise KeyboardInterrupt",
    "signal": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "pickle": "import pickle\nclass A:\n    pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A, A.__module__)",
    "main": "import sys\nX = 1\nprint(sys.modules['__main__'].X, sys.modules['__main__'].__file__ == __file__)",
    "future": "from __future__ import annotations\ndef f(x: nothing): pass\nprint(f.__annotations__)",
    "no future": "def f(x: int): pass\nprint(f.__annotations__)",
    "hook": "import sys\nsys.excepthook = lambda *a: print(a[0], a[1], a[2].tb_frame.f_code.co_name)\n1 / 0",
    "hook exits": "import sys\nsys.excepthook = lambda *a: sys.exit(5)\n1 / 0",
    "atexit": "import atexit, threading\natexit.register(print, 'last')\nthreading.Thread(target=print, args=('t',)).start()\n1 / 0",
    "logged": "import logging\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception('so')",
    "spawn": (
        "import multiprocessing as m\ndef f(x):\n    return x + 1\n"
        "if __name__ == '__main__':\n    with m.get_context('spawn').Pool(1) as p:\n        print(p.map(f, [1, 2]))"
    ),
    "source": "import inspect\ndef f():\n    return 'here'\nprint(inspect.getsource(f))",
}


def run(argv: list[str], folder: Path, **env: str) -> tuple[int, str, str]:
    done = subprocess.run(
        argv,
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **env},
        timeout=60,
        check=False,
    )
    err = re.sub(r"repeated \d+ more", "repeated many more", done.stderr)  # the launcher's frames count, unseen
    return done.returncode, done.stdout, err


@pytest.fixture(params=["3.8", "3.11", "3.13"])
def python(request: pytest.FixtureRequest, python_of: Callable[[str], str]) -> str:
    return python_of(request.param)


@pytest.mark.parametrize("is_watched", [False, True])
def test_scripts_do_the_same_as_by_themselves(python: str, tmp_path: Path, is_watched: bool) -> None:
    work = tmp_path / "work"
    work.mkdir()
    if is_watched:
        (tmp_path / "unwatched").write_text(str(tmp_path))
    (work / "sibling.py").write_text("X = 7")
    for name, code in SCRIPTS.items():
        script = work / "train.py"
        script.write_bytes(code.encode("latin-1"))
        alone = run([python, str(script), "--in", "x y"], work)
        launched = run([python, LAUNCHER, str(script), "--in", "x y"], work)
        assert launched == alone, name
    assert (tmp_path / "reads").exists() == is_watched


def test_reads_elsewhere_are_noted_on_every_python(python: str, tmp_path: Path) -> None:
    job, rates = tmp_path / "job", tmp_path / "rates.csv"
    (job / "work").mkdir(parents=True)
    (job / "unwatched").write_text(str(job))
    rates.write_text("1")
    code = f"import csv, json, logging, sqlite3, unittest\nopen('here', 'w').close()\nopen('here')\nprint(open({str(rates)!r}).read())"
    (job / "work/train.py").write_text(code)
    status, out, err = run([python, "-W", "ignore", LAUNCHER, "train.py"], job / "work")
    assert (status, out, err) == (0, "1\n", "")
    state = rates.stat()
    noted = f"{rates}\0{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}\0"
    assert (job / "reads").read_text() == noted


def test_a_relative_script_is_found_from_the_working_folder(python: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/train.py").write_text("import sys, sibling; print(sys.argv[0], sibling.X); sys.exit(4)")
    (tmp_path / "sub/sibling.py").write_text("X = 7")
    assert run([python, LAUNCHER, "sub/train.py"], tmp_path) == (4, "sub/train.py 7\n", "")


def test_the_sdk_is_appended_only_where_there_is_none(tmp_path: Path, python_of: Callable[[str], str]) -> None:
    (tmp_path / "train.py").write_text("import sys, azureml; print(azureml.__file__, sys.path[-1])")
    for name in ("sdk", "own"):
        (tmp_path / name / "azureml").mkdir(parents=True)
        (tmp_path / name / "azureml/__init__.py").touch()
    argv = [python_of("3.13"), LAUNCHER, "train.py"]
    sdk, own = str(tmp_path / "sdk"), str(tmp_path / "own")
    assert run(argv, tmp_path, PENSTOCK_SDK_PATH=sdk)[1] == f"{sdk}/azureml/__init__.py {sdk}\n"
    status, out, _ = run(argv, tmp_path, PENSTOCK_SDK_PATH=sdk, PYTHONPATH=own)
    assert (status, out.split()[0]) == (0, f"{own}/azureml/__init__.py")
    assert sdk not in out


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    status, _, err = run([sys.executable, LAUNCHER, "nowhere.py"], tmp_path)
    assert status != 0
    assert "nowhere.py" in err
