"""File datasets: globs, several paths, URLs by etag, filters; seen by a step as one folder. Against a real server."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from azureml.core import Dataset, Experiment, Workspace
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline, PipelineRun
from azureml.pipeline.steps import PythonScriptStep
from penstock.data.filesets import files

LIST = """
import json, os, sys
from azureml.core import Run
seen = {}
for path in sys.argv[1:]:
    if os.path.isfile(path):
        seen[os.path.basename(path)] = open(path).read()
    for folder, _, names in os.walk(path):
        for name in names:
            whole = os.path.join(folder, name)
            seen[os.path.relpath(whole, path)] = open(whole).read()
run = Run.get_context()
assert list(run.input_datasets.values()) == sys.argv[1:]
run.tag("seen", json.dumps(seen, sort_keys=True))
"""


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    store = module_workspace.get_default_datastore()
    for path in ("in/a.csv", "in/sub/b.csv", "in/sub/c.txt", "other/a.csv", "other/d.csv"):
        target = Path(store._root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path)
    return module_workspace


@pytest.fixture
def store(ws: Workspace) -> AzureBlobDatastore:
    return ws.get_default_datastore()


class Site:
    """A web server of one changing page, that counts what it sends."""

    def __init__(self) -> None:
        self.content, self.asked, self.sent = b"one", 0, 0
        self.marks: dict[str, str] = {}  # in place of the etag
        site = self

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                etag = f'"{hash(site.content)}"'
                site.asked += 1
                if self.path != "/data/page.txt":
                    self.send_error(404)
                elif self.headers.get("If-None-Match") == etag:
                    self.send_response(304)
                    self.end_headers()
                else:
                    site.sent += 1
                    self.send_response(200)
                    for name, value in (site.marks or {"ETag": etag}).items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(site.content)))
                    self.end_headers()
                    self.wfile.write(site.content)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/data/page.txt"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def seen_by_a_step(ws: Workspace, folder: Path, *inputs: object) -> dict[str, str]:
    (folder / "list.py").write_text(LIST)
    step = PythonScriptStep(
        "list.py", source_directory=str(folder), arguments=list(inputs), inputs=list(inputs), compute_target="cpu"
    )
    run: PipelineRun = Experiment(ws, "files").submit(Pipeline(ws, [step]))
    assert run.wait_for_completion(show_output=False) == "Finished"
    return json.loads(next(run.get_steps()).get_tags()["seen"])


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_a_step_sees_what_a_glob_matches_and_nothing_else(
    ws: Workspace, store: AzureBlobDatastore, tmp_path: Path, mode: str
) -> None:
    made = Dataset.File.from_files((store, "in/**/*.csv")).as_named_input("given")
    given = made.as_mount() if mode == "mount" else made.as_download()
    assert seen_by_a_step(ws, tmp_path, given) == {"a.csv": "in/a.csv", "sub/b.csv": "in/sub/b.csv"}


def test_a_step_sees_several_paths_as_one_folder(ws: Workspace, store: AzureBlobDatastore, tmp_path: Path) -> None:
    made = Dataset.File.from_files([(store, "in/sub"), (store, "other/d.csv")])
    assert made.to_path() == ["/b.csv", "/c.txt", "/d.csv"]
    wanted = {"b.csv": "in/sub/b.csv", "c.txt": "in/sub/c.txt", "d.csv": "other/d.csv"}
    assert seen_by_a_step(ws, tmp_path, made.as_named_input("given").as_mount()) == wanted
    alike = Dataset.File.from_files([(store, "in/a.csv"), (store, "other/a.csv")])
    assert alike.to_path() == ["/in/a.csv", "/other/a.csv"]


def test_a_step_sees_one_file_as_the_file(ws: Workspace, store: AzureBlobDatastore, tmp_path: Path, site: Site) -> None:
    one = Dataset.File.from_files((store, "in/a.csv")).as_named_input("one").as_mount()
    page = Dataset.File.from_files(site.url).as_named_input("page").as_mount()
    assert seen_by_a_step(ws, tmp_path, one, page) == {"a.csv": "in/a.csv", "page.txt": "one"}


def test_a_step_sees_its_half_of_the_files(ws: Workspace, store: AzureBlobDatastore, tmp_path: Path) -> None:
    made = Dataset.File.from_files([(store, "in"), (store, "other")])
    first, second = made.random_split(0.5, seed=5)
    halves = [sorted(p.lstrip("/") for p in half.to_path()) for half in (first, second)]
    assert sorted(halves[0] + halves[1]) == ["in/a.csv", "in/sub/b.csv", "in/sub/c.txt", "other/a.csv", "other/d.csv"]
    assert sorted(seen_by_a_step(ws, tmp_path, first.as_named_input("given").as_mount())) == halves[0]


def test_the_server_and_the_sdk_mean_the_same_files(store: AzureBlobDatastore) -> None:
    in_both = Dataset.File.from_files([(store, "in"), (store, "other/*")])
    size = in_both.file_metadata("Size")
    cases = [
        in_both, in_both.take(2), in_both.skip(1), in_both.take_sample(0.5, seed=2), in_both.filter(size > 9),
        in_both.filter((size == 8) | ~(size > 9)), Dataset.File.from_files((store, "**/b.csv")),
        Dataset.File.from_files((store, "in/sub/?.txt")), Dataset.File.from_files((store, "in/s*")),
    ]  # fmt: skip
    for case in cases:
        found = files(case._definition, lambda path: Path(store._root))
        assert [f.name for f in found] == [p.lstrip("/") for p in case.to_path()], case._definition


def test_a_page_is_fetched_again_only_when_it_changed(ws: Workspace, site: Site, tmp_path: Path) -> None:
    made = Dataset.File.from_files(site.url)
    for number in range(2):
        (file,) = made.download(str(tmp_path / str(number)))
        assert Path(file).read_bytes() == b"one"
    assert (site.asked, site.sent) == (2, 1)
    site.content = b"two"
    (file,) = made.download(str(tmp_path / "new"))
    assert Path(file).read_bytes() == b"two"
    assert (site.asked, site.sent) == (3, 2)


def test_uploading_a_folder_as_a_dataset(store: AzureBlobDatastore, tmp_path: Path) -> None:
    for name in ("x.csv", "y.txt"):
        (tmp_path / name).write_text(name)
    made = Dataset.File.upload_directory(str(tmp_path), (store, "up"), pattern="*.csv", show_progress=False)
    assert made.to_path() == ["/x.csv"]
    with pytest.raises(UserErrorException, match="there is no folder"):
        Dataset.File.upload_directory(str(tmp_path / "nope"), store)


def test_partitions_of_files(store: AzureBlobDatastore) -> None:
    made = Dataset.File.from_files((store, "other/*.csv"), partition_format="other/{letter}.csv")
    assert made.partition_keys == ["letter"]
    assert made.get_partition_key_values() == [{"letter": "a"}, {"letter": "d"}]
    assert made.filter(made["letter"] == "d").to_path() == ["/d.csv"]
    with made.mount() as mounted:
        assert sorted(p.name for p in Path(mounted.mount_point).iterdir()) == ["a.csv", "d.csv"]


def test_a_step_that_reads_a_url_is_reused_until_its_server_says_that_it_changed(
    ws: Workspace, tmp_path: Path, site: Site
) -> None:
    def ran() -> tuple[str, str]:
        page = Dataset.File.from_files(site.url).as_named_input("page").as_mount()
        (tmp_path / "list.py").write_text(LIST)
        step = PythonScriptStep("list.py", source_directory=str(tmp_path), arguments=[page], inputs=[page])
        run = Experiment(ws, "files").submit(Pipeline(ws, [step]))
        assert run.wait_for_completion(show_output=False) == "Finished"
        (why,) = run.why()
        return why.verdict, " ".join(why.because)

    assert [ran()[0], ran()[0]] == ["ran", "reused"]
    site.content = b"two"
    assert ran()[0] == "ran"
    site.marks = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    assert [ran()[0], ran()[0]] == ["ran", "reused"]
    site.marks = {"Last-Modified": formatdate(usegmt=True)}
    verdict, because = ran()
    assert verdict == "ran" and "changed just now" in because
    site.marks = {"X-None": "1"}
    verdict, because = ran()
    assert verdict == "ran" and "neither an etag nor the time of the last change" in because
