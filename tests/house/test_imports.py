"""What an import must not load: every step's process pays for it, and every start of a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"pandas", "numpy", "pyarrow", "requests", "urllib3", "http.client", "asyncio", "dataclasses", "email", "ssl"}
SERVER = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "jinja2", "click", "pydantic"}
AUTHORING = (
    "from azureml.core import Workspace, Experiment; from azureml.pipeline.core import Pipeline; "
    "from azureml.pipeline.steps import PythonScriptStep"
)
FORBIDDEN = {
    "from azureml.core import Run": HEAVY | {"typing", "inspect", "json.tool", "logging", "subprocess"},
    AUTHORING: HEAVY,
    "from azureml.pipeline.core import PipelineData; from azureml.pipeline.steps import EstimatorStep": HEAVY,
    "from azureml.core import Dataset, Datastore, Model": HEAVY,
    "from azureml.widgets import RunDetails": HEAVY | {"IPython", "ipywidgets"},
    "import penstock": HEAVY | SERVER,
    "from penstock.server import app, guard, serve": {"jinja2", "penstock.server.studio", "alembic", "psycopg"},
    "import penstock.node": HEAVY | SERVER,
}


def loaded(statement: str) -> set[str]:
    """The modules that `statement` adds to those of a bare interpreter with the same environment."""
    listing = "; import sys; print(' '.join(sorted(sys.modules)))"
    sets = []
    for code in ("pass", statement):
        done = subprocess.run([sys.executable, "-c", code + listing], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        sets.append(set(done.stdout.split()))
    return sets[1] - sets[0]


@pytest.mark.parametrize("statement", sorted(FORBIDDEN))
def test_an_import_loads_no_more_than_it_needs(statement: str) -> None:
    extra = loaded(statement) & FORBIDDEN[statement]
    assert not extra, f"`{statement}` loads {', '.join(sorted(extra))}"
