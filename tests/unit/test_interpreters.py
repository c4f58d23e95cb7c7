"""What an interpreter would run a step with: each change of it is seen, and nothing else counts."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from penstock.data.digests import Digests
from penstock.environments import identity, installed, probe
from penstock.environments.identity import Environment, Interpreters
from penstock.model.errors import CannotIdentify

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
LATER = 4_000_000_000 * 1_000_000_000  # a moment at which every file has been at rest for long


class Place:
    """A virtual environment and a home, with what may be done to them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        venv.create(root / "venv", with_pip=False, symlinks=True)
        self.python = root / "venv/bin/python"
        self.site = root / f"venv/lib/{VERSION}/site-packages"
        self.n_asked = 0
        self.afresh()

    def afresh(self) -> None:
        home = self.root / "home"
        self.interpreters = Interpreters(home, Digests(home, lambda: LATER))

    def ask(self, env: Mapping[str, str] | None = None, sdk_path: str | None = None) -> Environment:
        let_a_tick_pass(self.root)
        chosen = {"PATH": os.environ["PATH"], **(env or {})}
        return self.interpreters.identity({"executable": str(self.python), "sdk_path": sdk_path}, chosen)

    def write(self, files: dict[str, str], root: Path | None = None) -> None:
        for name, text in files.items():
            path = (root or self.site) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def install(
        self, name: str, version: str, files: dict[str, str], editable: bool = False, root: Path | None = None
    ) -> None:
        """As an installer leaves a distribution."""
        info = f"{name}-{version}.dist-info"
        shutil.rmtree((root or self.site) / info, ignore_errors=True)
        self.write(files, root)
        rows = [f"{n},sha256={encoded(text)},{len(text)}" for n, text in files.items()]
        rows += [f"{info}/RECORD,,", f"{info}/INSTALLER,sha256={encoded(str(self.root))},4"]
        rows += [f"../../../bin/{name},sha256={encoded(str(self.root))},200"]
        self.write({f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n", f"{info}/RECORD": "\n".join(rows)}, root)
        if editable:
            direct = {"url": f"file://{self.root}", "dir_info": {"editable": True}}
            self.write({f"{info}/direct_url.json": json.dumps(direct)}, root)


def let_a_tick_pass(folder: Path) -> None:
    """Returns once the clock that stamps files is past the stamps of all before: `LATER` promised that."""
    clock = folder / "clock"
    clock.touch()
    first = clock.stat().st_ctime_ns
    while clock.stat().st_ctime_ns == first:
        clock.touch()


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.install("pack", "1.0", {"pack/__init__.py": "x = 1", "pack/part.py": ""})
    return place


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of interpreters."""
    asked: list[str] = []
    original = identity._probe
    monkeypatch.setattr(identity, "_probe", lambda *a: asked.append(a[0]) or original(*a))
    return asked


def test_what_it_says_for_people(place: Place) -> None:
    found = place.ask()
    assert found.parts["python"] == "cpython {}.{}.{} {}".format(*sys.version_info[:3], sys.implementation.cache_tag)
    assert found.parts["distributions"] == {"pack": "1.0"}
    assert list(found.parts["contents"]) == ["pack"]
    assert found.parts["trees"] == {}
    assert found.digest.startswith("sha256:")


def test_an_interpreter_is_asked_once_for_each_state(place: Place, probes: list[str]) -> None:
    first = place.ask()
    assert place.ask() == first
    place.afresh()
    assert place.ask() == first
    assert len(probes) == 1
    place.install("other", "1", {"other.py": ""})
    assert place.ask() != first
    assert len(probes) == 2


def test_what_changed_while_it_was_asked_is_asked_again(place: Place, probes: list[str]) -> None:
    home = place.root / "home"
    place.interpreters = Interpreters(home, Digests(home, lambda: place.site.stat().st_mtime_ns + 1))
    assert place.ask() == place.ask()
    assert len(probes) == 2


def reinstall(place: Place) -> None:
    place.install("pack", "1.0", {"pack/__init__.py": "x = 2", "pack/part.py": ""})


def editable(place: Place) -> None:
    place.write({"mine/__init__.py": "", "mine/data.csv": "1"}, place.root / "project")
    place.install("mine", "0.1", {"_mine.pth": str(place.root / "project")}, editable=True)


def with_finder(place: Place) -> None:
    place.write({"__init__.py": "", "sub/m.py": ""}, place.root / "project/src/mine")
    paths = {"mine": str(place.root / "project/src/mine"), "alone": str(place.root / "project/alone")}
    place.write({"alone.py": ""}, place.root / "project")
    finder = (
        f"import sys\nMAPPING = {paths!r}\nNAMESPACES = {{}}\nclass _EditableFinder:\n"
        "    @classmethod\n    def find_spec(cls, *a): return None\nsys.meta_path.append(_EditableFinder)\n"
    )
    place.install(
        "mine",
        "0.1",
        {"__editable___mine_finder.py": finder, "__editable__.mine.pth": "import __editable___mine_finder"},
        editable=True,
    )


Act = Callable[[Place], Any]
CHANGES: dict[str, tuple[Act, Act]] = {
    "another version": (lambda p: None, lambda p: (shutil.rmtree(p.site / "pack-1.0.dist-info"), p.install("pack", "1.1", {"pack/__init__.py": ""}))),
    "the same version with other bytes": (lambda p: None, reinstall),
    "one more": (lambda p: None, lambda p: p.install("more", "1", {"more.py": ""})),
    "uninstalled": (lambda p: None, lambda p: shutil.rmtree(p.site / "pack-1.0.dist-info")),
    "editable code": (editable, lambda p: p.write({"mine/__init__.py": "x = 1"}, p.root / "project")),
    "a new file of editable code": (editable, lambda p: p.write({"mine/new.py": ""}, p.root / "project")),
    "data of an editable package": (editable, lambda p: p.write({"mine/data.csv": "2"}, p.root / "project")),
    "a new module beside editable code": (editable, lambda p: p.write({"second.py": ""}, p.root / "project")),
    "editable code behind a finder": (with_finder, lambda p: p.write({"sub/m.py": "x = 1"}, p.root / "project/src/mine")),
    "an editable module behind a finder": (with_finder, lambda p: p.write({"alone.py": "x = 1"}, p.root / "project")),
    "a loose module": (lambda p: p.write({"loose.py": ""}), lambda p: p.write({"loose.py": "x = 1"})),
    "a loose module that is new": (lambda p: None, lambda p: p.write({"loose.py": ""})),
    "a loose package": (lambda p: p.write({"loose/__init__.py": "", "loose/a/b.txt": ""}), lambda p: p.write({"loose/a/b.txt": "x"})),
    "a loose namespace": (lambda p: p.write({"loose/a/m.py": ""}), lambda p: p.write({"loose/a/m.py": "x = 1"})),
    "a .pth that runs code": (lambda p: p.write({"a.pth": "import sys"}), lambda p: p.write({"a.pth": "import os"})),
    "a .pth that adds a folder": (
        lambda p: p.write({"extra/e.py": ""}, p.root) or p.write({"a.pth": ""}),
        lambda p: p.write({"a.pth": str(p.root / "extra")}),
    ),
    "a .pth of something else": (lambda p: p.write({"a.pth": "# nothing"}), lambda p: p.write({"a.pth": "import sys"})),
    "sitecustomize": (lambda p: None, lambda p: p.write({"sitecustomize.py": "x = 1"})),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("afresh", [False, True], ids=["in memory", "from disk"])
def test_every_change_is_seen(place: Place, name: str, afresh: bool) -> None:
    prepare, change = CHANGES[name]
    prepare(place)
    before = place.ask()
    assert place.ask() == before
    let_a_tick_pass(place.root)
    change(place)
    if afresh:
        place.afresh()
    after = place.ask()
    assert after.digest != before.digest
    differing = [k for k in after.parts if after.parts[k] != before.parts[k]]
    assert differing and set(differing) <= {"distributions", "contents", "trees"}


COSMETIC: dict[str, tuple[Act, Act]] = {
    "byte code": (lambda p: None, lambda p: p.write({"__pycache__/x.cpython-311.pyc": "", "pack/__pycache__/y.pyc": ""})),
    "byte code of editable code": (editable, lambda p: p.write({"mine/__pycache__/y.pyc": "", "mine/.git/x": ""}, p.root / "project")),
    "data beside editable code": (editable, lambda p: p.write({"data/a.csv": "", "README.md": "", ".venv/x.py": ""}, p.root / "project")),
    "times": (editable, lambda p: os.utime(p.root / "project/mine/__init__.py", (1, 1))),
    "what a step would not import": (lambda p: None, lambda p: p.write({"README.txt": "", "~ack/x.py": "", "a.egg-link": ""})),
    "an empty .pth": (lambda p: None, lambda p: p.write({"a.pth": "\n# nothing\n"})),
}  # fmt: skip


@pytest.mark.parametrize("name", COSMETIC)
def test_cosmetics_change_nothing(place: Place, name: str) -> None:
    prepare, change = COSMETIC[name]
    prepare(place)
    before = place.ask()
    let_a_tick_pass(place.root)
    change(place)
    place.afresh()
    assert place.ask() == before


@pytest.mark.parametrize("prepare", [lambda p: None, editable, with_finder], ids=["installed", "editable", "finder"])
def test_where_an_environment_lies_does_not_count(place: Place, tmp_path: Path, prepare: Act) -> None:
    prepare(place)
    other = Place(tmp_path / "elsewhere")
    other.install("pack", "1.0", {"pack/__init__.py": "x = 1", "pack/part.py": ""})
    prepare(other)
    assert other.ask() == place.ask()


def test_pythonpath_counts(place: Place) -> None:
    folder = place.root / "code"
    place.write({"m.py": "", "p/__init__.py": ""}, folder)
    bare, with_path = place.ask(), place.ask({"PYTHONPATH": str(folder)})
    assert with_path != bare
    assert set(with_path.parts["trees"]) == {"m.py", "p"}
    place.write({"p/__init__.py": "x = 1"}, folder)
    assert place.ask({"PYTHONPATH": str(folder)}) not in (bare, with_path)
    assert place.ask({"PYTHONPATH": str(place.root / "none")}) == bare
    assert place.ask({"PYTHONPATH": "inside_the_snapshot"}) == bare


def test_the_order_of_folders_counts_where_they_hold_the_same_name(place: Place) -> None:
    one, two = place.root / "one", place.root / "two"
    place.write({"m.py": "1"}, one)
    place.write({"m.py": "2"}, two)
    orders = [place.ask({"PYTHONPATH": f"{a}:{b}"}) for a, b in ((one, two), (two, one))]
    assert orders[0] != orders[1]
    assert set(orders[0].parts["trees"]) == {"m.py", "m.py (2)"}


def test_a_folder_that_comes_to_be_is_seen(place: Place) -> None:
    env = {"PYTHONPATH": str(place.root / "late")}
    before = place.ask(env)
    place.write({"m.py": ""}, place.root / "late")
    assert place.ask(env) != before


def test_packages_in_a_folder_of_pythonpath_count_as_installed(place: Place, probes: list[str]) -> None:
    target = place.root / "target"
    place.install("more", "2.0", {"more/__init__.py": ""}, root=target)
    found = place.ask({"PYTHONPATH": str(target)})
    assert found.parts["distributions"] == {"more": "2.0", "pack": "1.0"}
    assert found.parts["trees"] == {}


def test_our_own_distributions_count_by_their_versions(place: Place) -> None:
    sdk = place.root / "sdk/src"
    place.write({"azureml/core.py": "1", "msrest/__init__.py": "", "mine.py": ""}, sdk)
    place.install("penstock_sdk", "0.1", {"_editable_impl_penstock_sdk.pth": str(sdk)}, editable=True)
    before = place.ask(sdk_path=str(sdk))
    assert before.parts["distributions"]["penstock-sdk"] == "0.1"
    assert set(before.parts["trees"]) == {"mine.py"}
    place.write({"azureml/core.py": "2"}, sdk)
    assert place.ask(sdk_path=str(sdk)) == before
    shutil.rmtree(place.site / "penstock_sdk-0.1.dist-info")
    place.install("penstock_sdk", "0.2", {"_editable_impl_penstock_sdk.pth": str(sdk)}, editable=True)
    assert place.ask(sdk_path=str(sdk)) != before


def test_what_lies_beside_the_sdk_counts_where_the_launcher_adds_it(place: Place) -> None:
    other = place.root / "other/site-packages"
    place.write({"azureml/core.py": ""}, other)
    place.install("lent", "1", {"lent.py": ""}, root=other)
    assert "lent" not in place.ask().parts["distributions"]
    assert place.ask(sdk_path=str(other)).parts["distributions"]["lent"] == "1"
    place.write({"azureml/core.py": ""})
    assert "lent" not in place.ask(sdk_path=str(other)).parts["distributions"]


def test_an_older_kind_of_metadata(place: Place) -> None:
    place.write(
        {"old-1.2-py3.11.egg-info/PKG-INFO": "Version: 1.2\n", "old.py": "", "dev.egg-info/PKG-INFO": "Version: 9\n"}
    )
    found = place.ask()
    assert found.parts["distributions"] == {"dev": "9", "old": "1.2", "pack": "1.0"}
    assert set(found.parts["trees"]) == {"old.py"}
    place.write({"old.py": "x = 1"})
    assert place.ask() != found


def test_packages_of_conda_count(place: Place) -> None:
    before = place.ask()
    place.write({"conda-meta/libblas-3.9.0-16_mkl.json": "", "conda-meta/history": ""}, place.root / "venv")
    place.install("touch", "1", {})
    found = place.ask()
    assert found.parts["conda"] == {"libblas": "3.9.0-16_mkl"}
    assert found != before


# What cannot be known -------------------------------------------------------------------------------------------------


def test_an_interpreter_that_is_gone_says_so(place: Place) -> None:
    place.ask()
    place.python.unlink()
    with pytest.raises(CannotIdentify, match=r"venv/bin/python cannot be started: No such file or directory\. Submit"):
        place.ask()


def test_an_interpreter_that_does_not_run_says_so(place: Place) -> None:
    place.python.unlink()
    place.python.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    place.python.chmod(0o755)
    with pytest.raises(CannotIdentify, match="does not run: broken"):
        place.ask()


def test_editable_code_that_has_no_digest_says_so(place: Place) -> None:
    editable(place)
    (place.root / "project/mine/link").symlink_to("nowhere")
    with pytest.raises(
        CannotIdentify, match=r"cannot be identified: '.*/project/mine/link' is a link that leads nowhere"
    ):
        place.ask()
    (place.root / "project/mine/link").unlink()
    place.ask()


def test_an_editable_install_that_does_not_tell_says_so(place: Place) -> None:
    finder = "import sys\nclass Finder:\n    def find_spec(self, *a): return None\nsys.meta_path.append(Finder())\n"
    place.write({"_mine_editable_loader.py": finder, "mine.pth": "import _mine_editable_loader"})
    with pytest.raises(CannotIdentify, match=r"'_mine_editable_loader\.Finder' does not say where its code lies"):
        place.ask()


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 50, b"flip"])
def test_damaged_notes_are_no_notes(place: Place, damage: bytes) -> None:
    before = place.ask()
    (kept,) = (place.root / "home/environments").glob("*.json")
    content = bytearray(kept.read_bytes())
    content[-20] ^= 1
    kept.write_bytes(bytes(content) if damage == b"flip" else damage)
    place.afresh()
    assert place.ask() == before


def test_what_an_interpreter_prints_by_itself_is_passed_over(place: Place) -> None:
    before = place.ask().parts["python"]
    place.write({"sitecustomize.py": "print('hello', end='')\nimport atexit; atexit.register(print, 'bye')"})
    assert place.ask().parts["python"] == before


@pytest.mark.parametrize("version", ["3.8", "3.11", "3.13"])
def test_the_probe_runs_on_every_python_of_the_sdk(python_of: Callable[[str], str], version: str) -> None:
    done = subprocess.run([python_of(version), "-c", identity._source()], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.partition(probe.MARK)[2])["python"].startswith(f"cpython {version}.")


def test_names_in_a_record_with_commas_and_quotes(tmp_path: Path) -> None:
    info = tmp_path / "a-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text(
        '"b,c/x.py",sha256=1,1\nd.py,sha256=2,2\n"e,f.py",sha256=3,3\n../../../bin/a,sha256=4,4\n'
    )
    (tmp_path / "d.py").write_text("")
    found = installed.read(str(tmp_path))
    assert "d.py" in found.distributions[0].owns
    assert found.loose == ()
