"""One fresh, byte-compiled environment for all that is measured. Standard library only: it runs before that environment exists."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "bench/.env"
PYTHON = ENVIRONMENT / "bin/python"


def ready() -> Path:
    """The environment's interpreter, with this checkout's code installed in it (not linked), byte-compiled."""
    if not PYTHON.exists():
        print("Making bench/.env (once, about a minute)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    needs = _needs()
    if _mark("needs", repr(needs)):
        _pip("--upgrade", *needs)
        _set("needs", repr(needs))
        _set("code", "")
    code = _digest()
    if _mark("code", code):
        print("Installing this checkout into bench/.env", file=sys.stderr, flush=True)
        _pip("--no-deps", "--force-reinstall", str(ROOT / "sdk"), str(ROOT))
        subprocess.run([str(PYTHON), "-m", "compileall", "-q", "-j", "0", str(ENVIRONMENT / "lib")], env=_environ())
        _set("code", code)
    return PYTHON


def _needs() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["demo"]]
    return ["hatchling>=1.21", "editables", "pyarrow>=14", *(n for n in named if not n.startswith("penstock"))]


def _pip(*what: str) -> None:
    # Without build isolation the wheels of a changed checkout take seconds, and no download.
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-qq"]
    subprocess.run(
        [*command, *(["--no-build-isolation"] if "--no-deps" in what else []), *what], check=True, env=_environ()
    )


def _environ() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def _digest() -> str:
    sums = hashlib.sha256()
    for folder in ("src", "sdk/src"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                sums.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return sums.hexdigest()


def _mark(name: str, value: str) -> bool:
    path = ENVIRONMENT / f".{name}"
    return not path.exists() or path.read_text() != value


def _set(name: str, value: str) -> None:
    (ENVIRONMENT / f".{name}").write_text(value)
