"""Whether a step's interpreter finds the SDK by itself. Knows how a Python lays out its site-packages; imports and runs nothing.

Where it does, a script needs no launcher and starts as `python script.py`, 2 ms sooner. Only what is certain from a few files counts:
in any doubt the launcher looks for itself.
"""

from __future__ import annotations

import os

_PACKAGE = "azureml"
_found: dict[tuple[str, int], bool] = {}


def finds_sdk(program: str) -> bool:
    """Whether `import azureml` is sure to find something when this interpreter starts afresh."""
    site = _site_packages(program)
    if site is None:
        return False
    key = (site, os.stat(site).st_mtime_ns)
    if key not in _found:
        _found.clear()
        _found[key] = any(os.path.isdir(os.path.join(folder, _PACKAGE)) for folder in (site, *_added_by(site)))
    return _found[key]


def _site_packages(program: str) -> str | None:
    """The one folder of packages of the interpreter's prefix; None when it cannot be told from its path."""
    prefix = os.path.dirname(os.path.dirname(program))
    is_own = os.path.exists(os.path.join(prefix, "pyvenv.cfg")) or os.path.realpath(program).startswith(
        prefix + "/bin/"
    )
    try:
        versions = [name for name in os.listdir(os.path.join(prefix, "lib")) if name.startswith("python3.")]
    except OSError:
        return None
    if not is_own or len(versions) != 1:
        return None
    site = os.path.join(prefix, "lib", versions[0], "site-packages")
    return site if os.path.isdir(site) else None


def _added_by(site: str) -> list[str]:
    """The folders that the .pth files there add, as editable installs do."""
    added = []
    for name in os.listdir(site):
        if name.endswith(".pth") and not name.startswith("."):
            with open(os.path.join(site, name), encoding="utf-8", errors="replace") as file:
                added += [
                    os.path.join(site, line.strip())
                    for line in file
                    if line.strip() and not line.startswith(("#", "import"))
                ]
    return added
