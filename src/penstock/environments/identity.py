"""What an interpreter would run a step with, as an identity: its version, the distributions it sees, and code that is installed nowhere.

Not in it: where the interpreter and the packages lie, scripts, byte code, the order of installing. Penstock's own distributions count by their
versions alone, also when they are installed from a checkout: our releases, and work on them, must not run everybody's steps again.
Not seen: files edited by hand inside an installed distribution (its RECORD is believed), and native libraries outside Python's folders
(a conda environment's count by their names and builds).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from penstock.environments import installed, probe
from penstock.model.errors import CannotDigest, CannotIdentify
from penstock.model.trees import Skip, Tree

Json = dict[str, Any]
_FORM = 1
_PROBE_SECONDS = 60
_OWN = frozenset({"penstock", "penstock-sdk"})
_OWN_PACKAGES = frozenset({"azureml", "azureml_user", "msrest", "penstock"})
_CACHES = frozenset(
    {"__pycache__", ".git", ".hg", ".svn", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints"}
    | {".tox", ".nox", ".venv", "venv", "node_modules", ".idea", ".vscode", ".DS_Store"}
)
PACKAGE = Skip(names=_CACHES, endings=(".pyc", ".pyo", ".swp", "~"))
NAMESPACE = Skip(names=_CACHES, endings=PACKAGE.endings, only=(".py", ".so", ".pyd"))


class Digests(Protocol):
    """What is needed of `penstock.data.digests`."""

    def tree(self, path: Path, skip: Skip = ...) -> Tree: ...
    def now(self) -> int: ...
    def is_at_rest(self, stamps_ns: tuple[int, ...], began: int) -> bool: ...


@dataclass(frozen=True)
class Environment:
    """What steps run with. `parts` says it for people: python, platform, distributions {name: version}, contents {name: digest},
    trees {name: digest} of code that belongs to no distribution, conda {name: version and build}."""

    digest: str
    parts: Json


@dataclass(frozen=True)
class _Known:
    """What holds while `watched` looks as it did: `parts`, and where the code lies that is looked at each time."""

    watched: tuple[tuple[str, tuple[int, ...]], ...]
    at_rest: bool
    parts: Json
    code: tuple[tuple[str, str], ...]  # label, path


class Interpreters:
    """The identities of interpreters, found once for each state of one; kept in `<home>/environments`. For many threads at once."""

    def __init__(self, home: Path, digests: Digests) -> None:
        self._folder = home / "environments"
        self._nowhere = self._folder / ".nowhere"
        self._nowhere.mkdir(parents=True, exist_ok=True)
        self._digests = digests
        self._known: dict[str, _Known] = {}
        self._said: dict[str, tuple[_Known, Json, Environment]] = {}
        self._lock = threading.Lock()

    def identity(self, interpreter: Mapping[str, Any], env: Mapping[str, str]) -> Environment:
        """What `interpreter` ({"executable", "sdk_path"}) would run a step with in `env`. CannotIdentify says why that cannot be known."""
        key = _key(interpreter, env)
        known = self._current(key)
        if known is None:
            with self._lock:
                known = self._current(key) or self._find(key, interpreter, env)
        try:
            trees = {label: self._code(Path(path)) for label, path in known.code}
        except CannotDigest as error:
            raise CannotIdentify(
                f"The Python environment of {interpreter['executable']} cannot be identified: {error.message}",
                target=error.target,
            ) from error
        said = self._said.get(key)
        if said is not None and said[0] is known and said[1] == trees:
            return said[2]
        parts = {**known.parts, "trees": {label: digest for label, digest in trees.items() if digest}}
        text = json.dumps(parts, sort_keys=True).encode()
        found = Environment("sha256:" + hashlib.sha256(text).hexdigest(), parts)
        self._said[key] = (known, trees, found)
        return found

    def _code(self, path: Path) -> str:
        """The digest of a module, package or namespace; '' where there is no code."""
        is_package = path.is_file() or (path / "__init__.py").exists()
        found = self._digests.tree(path, PACKAGE if is_package else NAMESPACE)
        return found.digest if found.n_files else ""

    # What is known ----------------------------------------------------------------------------------------------------

    def _current(self, key: str) -> _Known | None:
        known = self._known.get(key) or _load(self._folder / f"{key}.json")
        if known is None or not known.at_rest or any(_look(path) != look for path, look in known.watched):
            return None
        self._known[key] = known
        return known

    def _find(self, key: str, interpreter: Mapping[str, Any], env: Mapping[str, str]) -> _Known:
        began = self._digests.now()
        seen = _probe(str(interpreter["executable"]), env, self._nowhere)
        try:
            found = _Contents(seen, interpreter.get("sdk_path"), str(self._nowhere))
        except OSError as error:
            raise CannotIdentify(
                f"The Python environment of {interpreter['executable']} cannot be identified: '{error.filename}' cannot be read: "
                f"{error.strerror}. Make it readable for the user that Penstock runs as.",
                target=str(error.filename),
            ) from error
        watched = tuple((path, _look(path)) for path in found.watched(str(interpreter["executable"])))
        at_rest = all(self._digests.is_at_rest(look[:2], began) for _, look in watched)
        known = _Known(watched, at_rest, found.parts(), tuple(found.code))
        self._known[key] = known
        _save(self._folder / f"{key}.json", known)
        return known


class _Contents:
    """What the folders of one interpreter's path hold, first come first: names that come again have a number behind them."""

    def __init__(self, seen: Json, sdk_path: str | None, nowhere: str) -> None:
        self._seen = seen
        self._read: list[installed.Folder] = []
        self.distributions: dict[str, str] = {}
        self.contents: dict[str, str] = {}
        self.code: list[tuple[str, str]] = []
        self._labels: dict[str, int] = {}
        own = {sdk_path} if sdk_path else set()
        for path in self._folders(sdk_path, nowhere):
            self._take(path, own)
        self._take_editable()
        for path in seen["custom"]:
            if os.path.dirname(path) == seen["stdlib"]:
                self._label(os.path.basename(path), path)

    def parts(self) -> Json:
        parts = {"python": self._seen["python"], "platform": self._seen["platform"]}
        conda = _conda(self._seen["prefix"])
        return {
            **parts,
            "distributions": self.distributions,
            "contents": self.contents,
            **({"conda": conda} if conda else {}),
        }

    def watched(self, executable: str) -> list[str]:
        """What looks different when any of this may be."""
        seen = self._seen
        prefixes = [os.path.join(seen["prefix"], name) for name in ("pyvenv.cfg", "conda-meta")]
        user = [seen["user_site"]] if seen["user_site"] else []
        pth = [os.path.join(folder.path, name) for folder in self._read for name in folder.pth]
        return list(dict.fromkeys([executable, *prefixes, *seen["path"], *user, *(f.path for f in self._read), *pth]))

    def _folders(self, sdk_path: str | None, nowhere: str) -> list[str]:
        """Where modules come from, beside the standard library, which its version says, and the step's own folder."""
        stdlib = self._seen["stdlib"]
        skipped = {stdlib, os.path.join(stdlib, "lib-dynload"), nowhere}
        zipped = os.path.join(os.path.dirname(stdlib), os.path.basename(stdlib).replace(".", "") + ".zip")
        paths = [p for p in self._seen["path"] if p not in skipped and p != zipped and not p.startswith(nowhere + "/")]
        if sdk_path and not any(os.path.isdir(os.path.join(path, "azureml")) for path in paths):
            paths.append(sdk_path)  # as the launcher does
        return list(dict.fromkeys(paths))

    def _take(self, path: str, own: set[str]) -> None:
        if not os.path.isdir(path):
            self._label(os.path.basename(path), path)
            return
        folder = installed.read(path)
        self._read.append(folder)
        for distribution in folder.distributions:
            self._distribution(distribution)
            if distribution.name in _OWN:
                links = [name for name in folder.pth if name in distribution.owns]
                own.update(line for name in links for line in installed.path_lines(os.path.join(path, name)))
        for name in folder.loose:
            if not (path in own and name in _OWN_PACKAGES):
                self._label(name, os.path.join(path, name))
        owned = frozenset().union(*(d.owns for d in folder.distributions))
        for name in folder.pth:
            run = installed.import_lines(os.path.join(path, name)) if name not in owned else []
            if run:
                self.contents[self._numbered(name)] = hashlib.sha256("\n".join(run).encode()).hexdigest()[:32]

    def _distribution(self, found: installed.Distribution) -> None:
        label = found.name
        if label in self.distributions:
            if found.name in _OWN:
                return
            label = self._numbered(found.name)
        self.distributions[label] = found.version
        if found.content and found.name not in _OWN:
            self.contents[label] = found.content

    def _take_editable(self) -> None:
        taken = set()
        for kind, module, paths in self._seen["editable"]:
            if paths is None and "editable" in module:
                raise CannotIdentify(
                    f"The editable install behind '{module}.{kind}' does not say where its code lies, so the Python environment cannot be "
                    "identified. Install that package without -e.",
                    target=module,
                )
            for name, places in sorted((paths or {}).items()):
                for place in places:
                    if name.partition(".")[0] not in _OWN_PACKAGES and (name, place) not in taken:
                        taken.add((name, place))
                        self._label(name, place if os.path.exists(place) else place + ".py")

    def _label(self, name: str, path: str) -> None:
        self.code.append((self._numbered(name), path))

    def _numbered(self, name: str) -> str:
        number = self._labels[name] = self._labels.get(name, 0) + 1
        return name if number == 1 else f"{name} ({number})"


def _key(interpreter: Mapping[str, Any], env: Mapping[str, str]) -> str:
    settings = sorted((k, v) for k, v in env.items() if k.startswith("PYTHON") or k == "HOME")
    text = json.dumps([_FORM, interpreter["executable"], interpreter.get("sdk_path"), settings])
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _look(path: str) -> tuple[int, ...]:
    """mtime, ctime, inode and size: of a folder, they change as names come and go."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0, 0)
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)


def _conda(prefix: str) -> Json:
    try:
        names = sorted(
            n.removesuffix(".json") for n in os.listdir(os.path.join(prefix, "conda-meta")) if n.endswith(".json")
        )
    except OSError:
        return {}
    return {name.rsplit("-", 2)[0]: "-".join(name.rsplit("-", 2)[1:]) for name in names}


def _probe(executable: str, env: Mapping[str, str], folder: Path) -> Json:
    """What probe.py says inside the interpreter, started as a step is: in an empty folder, with the step's own settings."""
    command = [executable, "-c", _source()]
    try:
        done = subprocess.run(
            command, env=dict(env), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CannotIdentify(
            f"The interpreter {executable} cannot be started: {why}. Submit again from a Python environment that is there.",
            target=executable,
        ) from error
    except subprocess.TimeoutExpired:
        raise CannotIdentify(
            f"The interpreter {executable} did not start within {_PROBE_SECONDS} seconds. See what its site-packages run at start (.pth files).",
            target=executable,
        ) from None
    mark = ("\n" + probe.MARK).encode()
    if done.returncode == 0 and mark in done.stdout:
        seen: Json = json.loads(done.stdout.rpartition(mark)[2].partition(b"\n")[0])
        return seen
    said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
    raise CannotIdentify(
        f"The interpreter {executable} does not run: {said[0]}. Mend it, or submit again from another environment.",
        target=executable,
    )


def _source() -> str:
    return Path(probe.__file__).read_text()


def _load(path: Path) -> _Known | None:
    """What was kept; None when there is none, or it is damaged."""
    try:
        own, _, text = path.read_bytes().partition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != own:
            return None
        kept = json.loads(text)
    except OSError:
        return None
    watched = tuple((p, tuple(look)) for p, look in kept["watched"])
    return _Known(watched, kept["at_rest"], kept["parts"], tuple((label, p) for label, p in kept["code"]))


def _save(path: Path, known: _Known) -> None:
    text = json.dumps(
        {"watched": known.watched, "at_rest": known.at_rest, "parts": known.parts, "code": known.code}
    ).encode()
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".draft-", delete=False) as file:
            file.write(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
        os.replace(file.name, path)
    except OSError:
        pass  # it is known in memory; a later server asks the interpreter once more
