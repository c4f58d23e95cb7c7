"""The real MLflow client against our tracking endpoint: by itself, and in a step with nothing to configure."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from azureml.core import Experiment, Run, ScriptRunConfig, Workspace
from azureml.pipeline.core import Pipeline
from azureml.pipeline.steps import PythonScriptStep
from penstock.model.errors import BadRequest
from penstock.service.mlflow.tracking_search import ordered, parse

BEGIN = """
import json, os, sys
from azureml.core import Workspace
ws = Workspace.get('ws')
uri = ws.get_mlflow_tracking_uri()
import mlflow
from mlflow import MlflowClient
mlflow.set_tracking_uri(uri)
client = MlflowClient()
"""


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


def client(code: str, *arguments: str) -> dict[str, object]:
    """What a program that uses MLflow printed last, as JSON."""
    quiet = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code, *arguments], capture_output=True, text=True, env={**os.environ, **quiet}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


TRACKED = """
mlflow.set_experiment('trees')
os.makedirs('tree/deep'); open('tree/deep/b.bin', 'wb').write(b'b' * 1000); open('a.txt', 'w').write('hello')
with mlflow.start_run(run_name='first', tags={'team': 'a'}, description='what it is') as run:
    mlflow.log_param('depth', 3)
    mlflow.log_params({'lr': 0.1, 'kind': 'x y'})
    for i in range(3):
        mlflow.log_metric('loss', 1 / (i + 1), step=i * 10)
    mlflow.log_metrics({'acc': 0.5, 'zero': 0, 'nan': float('nan')})
    mlflow.set_tags({'k': 'v', 'gone': 1})
    mlflow.delete_tag('gone')
    mlflow.log_artifact('a.txt')
    mlflow.log_artifacts('tree', 'tree')
    mlflow.log_dict({'a': 1}, 'd/d.json')
    with mlflow.start_run(nested=True, run_name='kid'):
        mlflow.log_metric('loss', 9)
got = mlflow.get_run(run.info.run_id)
files = lambda path=None: [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run.info.run_id, path)]
print(json.dumps({
    'id': run.info.run_id, 'status': got.info.status, 'metrics': got.data.metrics, 'params': got.data.params,
    'tags': {k: v for k, v in got.data.tags.items() if k in ('team', 'k', 'gone')},
    'history': [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, 'loss')],
    'files': files(), 'below': files('tree'),
    'text': open(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path='a.txt')).read(),
    'tree': os.listdir(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path='tree')),
}))
"""


def test_what_an_mlflow_client_tracks_is_a_run_of_ours(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = client(TRACKED)
    assert told["status"] == "FINISHED" and told["params"] == {"depth": "3", "lr": "0.1", "kind": "x y"}
    assert {k: v for k, v in told["metrics"].items() if k != "nan"} == {"loss": 1 / 3, "acc": 0.5, "zero": 0}
    assert told["tags"] == {"team": "a", "k": "v"}
    assert told["history"] == [[0, 1.0], [10, 0.5], [20, 1 / 3]]
    assert told["files"] == [["a.txt", False, 5], ["d", True, None], ["tree", True, None]]
    assert (told["below"], told["text"], told["tree"]) == ([["tree/deep", True, None]], "hello", ["deep"])
    run = Run.get(ws, told["id"])
    assert (run.experiment.name, run.display_name, run.get_status()) == ("trees", "first", "Completed")
    assert run.description == "what it is"
    assert run.get_metrics("loss") == {"loss": [1.0, 0.5, 1 / 3]}
    assert run.get_file_names() == ["a.txt", "d/d.json", "tree/deep/b.bin"]
    assert [child.display_name for child in run.get_children()] == ["kid"]
    assert run.register_model("tracked", "tree/deep/b.bin").run_id == run.id


SEARCHED = """
experiment = mlflow.set_experiment('searched')
for n in range(4):
    with mlflow.start_run(run_name=f'run {n}'):
        mlflow.log_param('kind', 'even' if n % 2 == 0 else 'odd')
        mlflow.log_metric('n', n)
names = lambda text='', order=(): [r.info.run_name for r in client.search_runs([experiment.experiment_id], text, order_by=list(order))]
page = client.search_runs([experiment.experiment_id], max_results=3)
last = client.search_runs([experiment.experiment_id], max_results=3, page_token=page.token)
print(json.dumps({
    'all': names(), 'even': names("params.kind = 'even'"), 'few': names('metrics.n >= 1 and metrics.n < 3', ['metrics.n ASC']),
    'down': names('', ['metrics.n DESC']), 'like': names("attributes.run_name LIKE 'run %' and params.kind != 'odd'"),
    'ended': names("attributes.status = 'FAILED'"), 'pages': [len(page), len(last), last.token],
    'named': len(mlflow.search_runs(experiment_names=['searched'], output_format='list')),
}))
"""


def test_runs_are_searched(ws: Workspace) -> None:
    assert client(SEARCHED) == {
        "all": ["run 3", "run 2", "run 1", "run 0"],
        "even": ["run 2", "run 0"],
        "few": ["run 1", "run 2"],
        "down": ["run 3", "run 2", "run 1", "run 0"],
        "like": ["run 2", "run 0"],
        "ended": [],
        "pages": [3, 1, None],
        "named": 4,
    }


REFUSED = """
def code(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except Exception as error:
        return getattr(error, 'error_code', type(error).__name__)
with mlflow.start_run() as run:  # in no experiment of ours: the one called Default
    mlflow.log_param('p', 1)
i = run.info.run_id
print(json.dumps([
    code(client.log_param, i, 'p', 2), code(client.log_param, i, 'p', 1), code(mlflow.get_run, '0' * 32),
    code(client.create_experiment, 'a b'), code(client.create_experiment, 'Default'), code(client.search_runs, ['0'], 'what'),
    code(client.delete_run, i), client.get_run(i).info.status,
]))
"""


def test_what_is_refused_says_so_in_mlflows_words(ws: Workspace, module_home: Path) -> None:
    assert client(REFUSED) == [
        "INVALID_PARAMETER_VALUE",
        None,
        "RESOURCE_DOES_NOT_EXIST",
        "INVALID_PARAMETER_VALUE",
        "RESOURCE_ALREADY_EXISTS",
        "INVALID_PARAMETER_VALUE",
        "ENDPOINT_NOT_FOUND",
        "FINISHED",
    ]


def call(home: Path, method: str, path: str, token: str) -> int:
    """The status of a call over TCP."""
    url = urlsplit(json.loads((home / "server.json").read_text())["url"])
    connection = http.client.HTTPConnection(url.netloc, timeout=30)
    connection.request(method, f"/mlflow/ws/api/2.0/{path}", "{}", {"Authorization": token})
    with connection.getresponse() as answer:
        answer.read()
        status = answer.status
    connection.close()
    return status


@pytest.mark.parametrize("token", ["", "Bearer x", "Bearer run." + "0" * 64, "Bearer ."])
def test_tracking_takes_a_token(ws: Workspace, module_home: Path, token: str) -> None:
    ws.get_details()
    assert call(module_home, "POST", "mlflow/runs/create", token) == 401


@pytest.mark.parametrize(
    "name,status",
    [
        ("..%2f..%2f..%2fx", 400),
        ("a%2f..%2f..%2fx", 400),
        ("%2e%2e/%2e%2e/x", 400),
        ("..%5c..%5cx", 400),
        ("x%00", 404),
    ],
)
def test_no_artifact_leaves_its_run(ws: Workspace, module_home: Path, name: str, status: int) -> None:
    run = Experiment(ws, "escapes").start_logging()
    token = "Bearer " + (module_home / "token").read_text().strip()
    assert call(module_home, "PUT", f"mlflow-artifacts/artifacts/{run.id}/{name}", token) == status
    assert call(module_home, "GET", f"mlflow-artifacts/artifacts/{run.id}/{name}", token) == 404
    run.complete()
    assert run.get_file_names() == []


STEP = """
import os, sys
os.environ.update(MLFLOW_DISABLE_TELEMETRY='true')
import mlflow
mlflow.log_metric('loss', 0.5)
mlflow.log_param('depth', 3)
open('report.txt', 'w').write('report')
mlflow.log_artifact('report.txt')
assert mlflow.active_run().info.run_id == os.environ['AZUREML_RUN_ID']
mlflow.end_run('FAILED')  # the step's own end decides
from azureml.core import Run
Run.get_context().log('ours', 1)
"""


def test_in_a_step_mlflow_lands_on_the_steps_run(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text(STEP)
    step = PythonScriptStep(
        "step.py", "tracks", source_directory=str(tmp_path), compute_target="local", allow_reuse=False
    )
    run = Experiment(ws, "tracked-steps").submit(Pipeline(ws, [step]))
    assert run.wait_for_completion(show_output=False) == "Finished"
    (inner,) = run.get_steps()
    assert inner.get_metrics() == {"loss": 0.5, "ours": 1}
    assert inner.get_status() == "Finished" and "report.txt" in inner.get_file_names()
    assert client("print(json.dumps(mlflow.get_run(sys.argv[1]).data.params))", inner.id) == {"depth": "3"}


def test_an_mlflow_server_of_the_authors_own_is_left_alone(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("import os; print({k: v for k, v in os.environ.items() if k.startswith('MLFLOW_')})")
    config = ScriptRunConfig(str(tmp_path), "s.py")
    config.run_config.environment.environment_variables = {"MLFLOW_TRACKING_URI": "http://elsewhere"}
    run = Experiment(ws, "tracked-elsewhere").submit(config)
    run.wait_for_completion()
    text = run.get_details_with_logs()["logFiles"]["azureml-logs/70_stdout.txt"]
    assert text == "{'MLFLOW_TRACKING_URI': 'http://elsewhere'}\n"


MODELED = """
import warnings
warnings.simplefilter('ignore')
from sklearn.linear_model import LogisticRegression
mlflow.set_experiment('models')
mlflow.sklearn.autolog()
with mlflow.start_run() as run:
    LogisticRegression().fit([[0], [1], [2], [3]], [0, 0, 1, 1])
i = run.info.run_id
model = mlflow.sklearn.load_model(f'runs:/{i}/model')
print(json.dumps({'id': i, 'says': model.predict([[3]]).tolist(), 'metrics': len(client.get_run(i).data.metrics),
                  'files': sorted(f.path for f in client.list_artifacts(i, 'model'))}))
"""


def test_autologging_keeps_metrics_and_the_model_with_the_run(ws: Workspace, tmp_path: Path) -> None:
    told = client(MODELED)
    assert told["says"] == [1] and told["metrics"] > 3 and "model/MLmodel" in told["files"]
    registered = Run.get(ws, told["id"]).register_model("autologged", "model")
    assert (Path(registered.download(str(tmp_path))) / "MLmodel").exists()


# The search by itself -------------------------------------------------------------------------------------------------


def run_of(name: str, start: int = 0, **metrics: float) -> dict[str, object]:
    data = {"metrics": [{"key": k, "value": v} for k, v in metrics.items()], "params": [{"key": "p q", "value": name}]}
    return {"info": {"run_name": name, "start_time": start, "status": "FINISHED"}, "data": {**data, "tags": []}}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", "ab"),
        ("metrics.m > 1", "b"),
        ("metrics.m > 1 AND metrics.m < 2", ""),
        ("metric.m != 1", "b"),
        ("params.`p q` = 'a'", "a"),
        ('params."p q" = "b"', "b"),
        ("run_name IN ('a', 'x')", "a"),
        ("run_name not in ('a', 'x')", "b"),
        ("attributes.run_name ilike 'A%'", "a"),
        ("status = 'FINISHED' and start_time >= 1", "b"),
        ("tags.t IS NULL", "ab"),
        ("metrics.n is not null", "b"),
    ],
)
def test_filters(text: str, fits: str) -> None:
    runs = [run_of("a", 0, m=1), run_of("b", 1, m=2, n=0)]
    assert "".join(str(r["info"]["run_name"]) for r in runs if parse(text)(r)) == fits


@pytest.mark.parametrize(
    "text", ["x", "metrics.m >", "metrics.m > 'a", "params.p = 3", "metrics.m = a", "a = 'b' or c = 'd'", "= 3"]
)
def test_filters_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadRequest, match="The filter"):
        parse(text)


def test_orders() -> None:
    runs = [run_of("a", 0, m=2), run_of("b", 1, m=1), run_of("c", 2)]

    def names(*order: str) -> str:
        return "".join(str(r["info"]["run_name"]) for r in ordered(runs, order))

    assert (names(), names("metrics.m"), names("metrics.m DESC"), names("attributes.start_time asc")) == (
        "cba",
        "bac",
        "abc",
        "abc",
    )
