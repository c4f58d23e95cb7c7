"""Each parameter of each class that describes something shows in what is described (parameter_cases.py has the values)."""

from __future__ import annotations

import warnings

import pytest
from parameter_cases import PRC, lay_out, look
from parameter_objects import CASES

from azureml.contrib.notebook import NotebookRunConfig
from azureml.pipeline.steps import ParallelRunConfig

LATE = {
    "NotebookRunnerStep.__init__": ("notebook_run_config", lambda: NotebookRunConfig(".", "x.ipynb")),
    "ParallelRunStep.__init__": ("parallel_run_config", lambda: ParallelRunConfig(**PRC)),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    lay_out(str(tmp_path))
    (tmp_path / "empty.yml").write_text("name: n\ndependencies:\n- python=3.8\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_parameter_shows_in_what_is_made(name):
    make, base, others = CASES[name]
    if name in LATE:  # they look at files when they are made
        base = {**base, LATE[name][0]: LATE[name][1]()}
    unseen = []
    for parameter, other in others.items():
        other, more = (
            other if isinstance(other, tuple) and len(other) == 2 and isinstance(other[1], dict) else (other, {})
        )
        if callable(other) and not isinstance(other, type):
            other = other()
        before = {k: v for k, v in {**base, **more}.items() if v is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain, changed = look(make(**before)), look(make(**{**before, parameter: other}))
        if plain == changed:
            unseen.append(parameter)
    assert not unseen, f"{name}: {', '.join(unseen)}"
