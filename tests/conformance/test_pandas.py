"""Tables are the same whatever version of pandas reads them: one story, run in environments of their own, against one answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = {"1.5": ("3.8", "pyarrow<18"), "2": ("3.10", "pyarrow"), "3": ("3.12", "pyarrow")}

STORY = '''\
import datetime, json, os, sys
if sys.argv[1] == "without":
    sys.modules["pyarrow"] = None
import pandas
from azureml.core import Dataset, Workspace
from azureml.data.dataset_factory import DataType

ws = Workspace.create("tables", subscription_id="s", resource_group="r", exist_ok=True)
store = ws.get_default_datastore()
try:
    import pyarrow
except ImportError:
    pyarrow = None

def put(path, content, encoding="utf-8"):
    target = os.path.join(store._root, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding=encoding, newline="") as file:
        file.write(content)
    return store, path

def plain(value):
    if isinstance(value, float) and value != value or value is pandas.NaT:
        return None
    return str(value) if isinstance(value, (datetime.datetime, pandas.Timestamp)) else getattr(value, "item", lambda: value)()

def shown(frame):
    return {str(c): [str(frame[c].dtype)] + [plain(v) for v in frame[c]] for c in frame.columns}

Tabular = Dataset.Tabular
rows = "i,f,gap,b,bgap,day,moment,text,quoted,long\\r\\n"
rows += '1,0.1,1,true,,2020-01-31,2020-01-31T10:00:00Z,a,"x, ""y""",12345678901234567890\\r\\n'
rows += '-2,2e3,,False,true,1999-12-01,2020-02-01 00:00:01.5+02:00,,"two\\nlines",1\\r\\n\\r\\n'
table = Tabular.from_delimited_files(put("a.csv", rows))
found = {"delimited": shown(table.to_pandas_dataframe())}
found["no inference"] = shown(Tabular.from_delimited_files((store, "a.csv"), infer_column_types=False).to_pandas_dataframe())
put("times/a.csv", "at,name\\n2020-01-02 03:04:05,n\\n2020-01-03 00:00:00,m\\n")
times = Tabular.from_delimited_files((store, "times/*.csv"), include_path=True)
found["times"] = shown(times.to_pandas_dataframe())
put("times/a.csv", "at,name\\n2020-01-02 03:04:05,n\\nnever,m\\n2300-01-01 00:00:00,\\n")
found["times that changed"] = shown(times.to_pandas_dataframe())
given = Tabular.from_delimited_files(put("set.csv", "d;n;s\\n31/12/2020;1;01\\nx;y;\\n", "utf-16"), separator=";", encoding="utf16",
    set_column_types={"d": DataType.to_datetime("%d/%m/%Y"), "n": DataType.to_float(), "s": DataType.to_string()})
found["set types"] = shown(given.to_pandas_dataframe())
json_lines = put("a.jsonl", '{"a": 1, "b": "x", "c": true}\\n{"a": 2.5, "c": false}\\n')
found["json lines"] = shown(Tabular.from_json_lines_files(json_lines).to_pandas_dataframe())
numbers = Tabular.from_delimited_files(put("n.csv", "k,v\\n" + "".join("%s,%d\\n" % ("ab"[n % 2], n) for n in range(40))))
some = numbers.filter((numbers["v"] > 3) & (numbers["k"] == "a")).skip(1).take(4).keep_columns(["v"])
found["operations"] = shown(some.to_pandas_dataframe())
halves = numbers.random_split(0.5, seed=3)
found["halves"] = [shown(h.to_pandas_dataframe())["v"] for h in halves]
recent = table.with_timestamp_columns("moment").time_after(datetime.datetime(2020, 1, 31, 12))
found["time"] = shown(recent.to_pandas_dataframe())["i"]
found["parquet"] = None
if pyarrow:
    frame = table.to_pandas_dataframe()
    frame["zoned"] = pandas.to_datetime(["2020-01-01T00:00:00Z", None])
    frame["few"] = pandas.Categorical(["a", "b"])
    made = Tabular.register_pandas_dataframe(frame, (store, "frames"), "frame", show_progress=False)
    parts = numbers.partition_by(["k"], (store, "parts"), show_progress=False)
    found["parquet"] = [shown(made.to_pandas_dataframe()), parts.get_partition_key_values(), shown(parts.take(3).to_pandas_dataframe())]
print("STORY " + json.dumps(found))
'''


def environment(version: str, python_of: Callable[[str], str]) -> str:
    """The Python of an environment with that pandas, made once and kept beside the checkout; without a pip, which takes three seconds."""
    python, arrow = VERSIONS[version]
    place = ROOT / f".venv-pandas-{version}"
    if not (place / "whole").exists():
        base = python_of(python)
        subprocess.run([base, "-m", "venv", "--without-pip", "--clear", place], check=True, timeout=120)
        pip = [base, "-m", "pip", "--disable-pip-version-check", "--python", place / "bin/python"]
        subprocess.run([*pip, "install", "-q", "--no-compile", f"pandas=={version}.*", arrow], check=True, timeout=600)
        (place / "whole").write_text("")
    return str(place / "bin/python")


def told(python: str, arrow: str, home: Path, folder: Path) -> dict[str, object]:
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "sdk/src"),
        "PENSTOCK_PYTHON": sys.executable,
        "PENSTOCK_HOME": str(home),
    }
    done = subprocess.run(
        [python, "-W", "error", "-c", STORY, arrow], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, object] = json.loads(done.stdout.rsplit("STORY ", 1)[1])
    return found


@pytest.fixture(scope="module")
def reference(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the pandas of these tests' own environment says."""
    return told(sys.executable, "with", module_home, tmp_path_factory.mktemp("reference"))


ANSWER = {
    "times": {
        "Path": ["object", "/times/a.csv", "/times/a.csv"],
        "at": ["datetime64[ns]", "2020-01-02 03:04:05", "2020-01-03 00:00:00"],
        "name": ["object", "n", "m"],
    },
    "times that changed": {
        "Path": ["object", "/times/a.csv", "/times/a.csv", "/times/a.csv"],
        "at": ["datetime64[ns]", "2020-01-02 03:04:05", None, None],
        "name": ["object", "n", "m", None],
    },
    "set types": {
        "d": ["datetime64[ns]", "2020-12-31 00:00:00", None],
        "n": ["float64", 1.0, None],
        "s": ["object", "01", None],
    },
    "json lines": {"a": ["float64", 1.0, 2.5], "b": ["object", "x", None], "c": ["bool", True, False]},
    "operations": {"v": ["int64", 6, 8, 10, 12]},
    "time": ["int64", -2],
}


@pytest.mark.parametrize("arrow", ["with", "without"])
@pytest.mark.parametrize("version", VERSIONS)
def test_tables_are_the_same_with_pandas(
    version: str,
    arrow: str,
    reference: dict[str, object],
    module_home: Path,
    tmp_path: Path,
    python_of: Callable[[str], str],
) -> None:
    found = told(environment(version, python_of), arrow, module_home, tmp_path)
    for part, expected in ANSWER.items():
        assert found[part] == expected, part
    assert (found["parquet"] is None) == (arrow == "without")
    assert found == (reference if arrow == "with" else {**reference, "parquet": None})
