"""Imports of the server's code go down only, floor by floor; the two distributions never import each other."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.sources import read

ROOT = Path(__file__).resolve().parents[2]
PENSTOCK = ROOT / "src/penstock"
SDK = ROOT / "sdk/src"
FLOORS = (
    {"__init__", "model"},
    {"engine", "steps"},
    {"store", "data", "environments", "compute", "usql"},
    {"service"},
    {"server", "selftest"},
    {"cli"},
    {"__main__"},
)
FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}
STARTS_THE_NODE = {"compute", "server", "__main__"}
HEAVY = {
    "ray",
    "pyspark",
    "pandas",
    "pyarrow",
    "numpy",
    "sklearn",
    "matplotlib",
    "duckdb",
    "boto3",
    "google",
    "adlfs",
    "s3fs",
}
OF_ANY_PYTHON = sys.stdlib_module_names | {"_sha2", "_sha256"}  # one hash, renamed between two Pythons


def imports(path: Path, root: Path) -> Iterator[tuple[str, int, bool]]:
    """(dotted name, line, whether at module level) of every import in `path`, relative ones resolved."""
    package = path.relative_to(root).parent.parts
    for each in read(path).imports:
        base = list(package[: len(package) - each.level + 1]) if each.level else []
        begins = [*base, *([each.module] if each.module else [])]
        for name in each.names:
            yield ".".join([*begins, name]), each.line, each.is_at_module_level


def home_of(path: Path) -> str:
    return path.relative_to(PENSTOCK).parts[0].removesuffix(".py")


def server_modules() -> list[Path]:
    return sorted(PENSTOCK.rglob("*.py"))


def sdk_modules() -> list[Path]:
    return sorted(SDK.rglob("*.py"))


def test_every_package_has_a_floor() -> None:
    there = {home_of(path) for path in server_modules()} - {"node"}
    assert there <= set(FLOOR), f"on no floor: {sorted(there - set(FLOOR))}"


def test_imports_go_down_only_and_siblings_never_import_each_other() -> None:
    wrong = []
    for path in server_modules():
        here = home_of(path)
        for name, line, _ in imports(path, ROOT / "src"):
            parts = name.split(".")
            if parts[0] != "penstock" or len(parts) < 2:
                continue
            there = parts[1]
            if there == here or (there not in FLOOR and there != "node"):
                continue  # its own package, or a name of penstock/__init__.py
            if there == "node":
                allowed = here in STARTS_THE_NODE
            else:
                allowed = here != "node" and FLOOR[there] < FLOOR[here]
            if not allowed:
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {here} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_the_service_is_a_package_a_subject() -> None:
    beside = {path.stem for path in (PENSTOCK / "service").glob("*.py")}
    assert beside == {"__init__", "context", "services", "changes"}, "a new module goes into one of its packages"
    named = {path.parent.name for path in (PENSTOCK / "service").glob("*/__init__.py")}
    told = set(re.findall(r"`(\w+)`", (ROOT / "docs/architecture.md").read_text()))
    assert named <= told, f"docs/architecture.md says nothing of {sorted(named - told)}"


def test_the_node_is_standard_library_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((PENSTOCK / "node").rglob("*.py"))
        for name, line, _ in imports(path, ROOT / "src")
        if name.split(".")[0] not in OF_ANY_PYTHON and not name.startswith("penstock.node")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_two_distributions_never_import_each_other() -> None:
    wrong = []
    for paths, root, other in (
        (server_modules(), ROOT / "src", ("azureml", "msrest")),
        (sdk_modules(), SDK, ("penstock",)),
    ):
        for path in paths:
            wrong += [
                f"{path.relative_to(ROOT)}:{line}: {name}"
                for name, line, _ in imports(path, root)
                if name.split(".")[0] in other
            ]
    assert not wrong, "\n".join(wrong)


def test_the_sdk_needs_nothing_when_it_is_imported() -> None:
    own = {"azureml", "azureml_user", "msrest"}
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sdk_modules()
        for name, line, at_module_level in imports(path, SDK)
        if at_module_level and name.split(".")[0] not in own | sys.stdlib_module_names
    ]
    assert not wrong, "\n".join(wrong)


def test_a_heavy_import_stands_in_the_file_named_after_it_at_first_use() -> None:
    wrong = []
    for path in server_modules():
        for name, line, at_module_level in imports(path, ROOT / "src"):
            package = name.split(".")[0]
            if package in HEAVY and (at_module_level or package not in path.stem):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {name}")
    assert not wrong, "\n".join(wrong)


WORLD = {
    "os": {"environ", "getenv", "environb"},
    "time": {"time", "time_ns", "monotonic", "perf_counter", "sleep"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "uuid": {"uuid1", "uuid4"},
}


@pytest.mark.parametrize("package", sorted(FLOORS[0] | FLOORS[1] | FLOORS[2]))
def test_the_environment_the_clock_and_chance_are_arguments_below_floor_3(package: str) -> None:
    wrong = []
    for path in server_modules():
        if home_of(path) != package:
            continue
        source = read(path)
        used = source.uses + [(each.module or "", name, each.line) for each in source.imports for name in each.names]
        wrong += [
            f"{path.relative_to(ROOT)}:{line}: {owner}.{name}"
            for owner, name, line in used
            if name in WORLD.get(owner, ())
        ]
    assert not wrong, "\n".join(wrong)
