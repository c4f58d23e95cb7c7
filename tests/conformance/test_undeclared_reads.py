"""Files that a step reads undeclared: by the paths it used, in vain, and changed while it runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from azureml.core import Experiment, Workspace
from azureml.data.data_reference import DataReference
from azureml.pipeline.core import Pipeline, PipelineRun
from azureml.pipeline.steps import PythonScriptStep


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


class Reader:
    """A pipeline of one step, whose script is told to say what it reads."""

    def __init__(self, ws: Workspace, folder: Path) -> None:
        self.ws, self.folder, self.source = ws, folder, folder / "source"
        self.source.mkdir()

    def start(self, body: str) -> PipelineRun:
        (self.source / "s.py").write_text(body)
        step = PythonScriptStep("s.py", name=self.folder.name, source_directory=str(self.source), compute_target="cpu")
        return Experiment(self.ws, "undeclared").submit(Pipeline(self.ws, [step]))

    def end(self, run: PipelineRun) -> tuple[str, bool]:
        """What it printed, and whether it was reused."""
        run.wait_for_completion(show_output=False)
        (step,) = run.get_steps()
        self.why = step.why()
        return step.get_stdout_log().strip(), self.why.verdict == "reused"

    def run(self, body: str) -> tuple[str, bool]:
        return self.end(self.start(body))


@pytest.fixture
def reader(ws: Workspace, tmp_path: Path) -> Reader:
    return Reader(ws, tmp_path)


def test_a_file_that_changes_before_it_is_read_is_watched_as_it_was_read(reader: Reader) -> None:
    file, begun = reader.folder / "rates", reader.folder / "begun"
    file.write_text("1")
    body = (
        f"import os, time\nwhile not os.path.exists({str(begun)!r}):\n    time.sleep(0.05)\ntime.sleep(0.5)\n"
        f"print(open({str(file)!r}).read())\n"
    )
    run = reader.start(body)
    time.sleep(1)  # the step has begun, and waits
    file.write_text("2")
    begun.write_text("")
    assert reader.end(run) == ("2", False)
    assert reader.run(body) == ("2", True)
    file.write_text("1")
    assert reader.run(body) == ("1", False)
    assert reader.run(body) == ("1", True)


@pytest.mark.parametrize("is_back", [False, True], ids=["straight", "back"])
@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
def test_a_link_that_leads_elsewhere_later_counts(reader: Reader, is_folder: bool, is_back: bool) -> None:
    for name in ("v1", "v2"):
        (reader.folder / name).mkdir()
        (reader.folder / name / "c").write_text(name)
    link = reader.folder / "current"
    place = str(link / "c" if is_folder else link)
    if is_back:  # through a link that leads away, and back
        (reader.folder / "away").symlink_to("v1")
        place = place.replace("/current", "/away/../current")
    body = f"print(open({place!r}).read())\n"
    for name in ("v1", "v2"):
        link.unlink(missing_ok=True)
        link.symlink_to(name if is_folder else f"{name}/c")
        assert reader.run(body) == (name, False)
        assert reader.run(body) == (name, True)
    assert any(str(link) in seen["name"] for seen in reader.why.observed)


def test_a_folder_that_is_listed_by_a_link_counts_as_what_that_leads_to(reader: Reader) -> None:
    for name in ("v1", "v2"):
        (reader.folder / name).mkdir()
        (reader.folder / name / f"in {name}").write_text("")
    link = reader.folder / "current"
    body = f"import os\nprint(os.listdir({str(link)!r}))\n"
    for name in ("v1", "v2"):
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        assert reader.run(body) == (f"['in {name}']", False)
        assert reader.run(body) == (f"['in {name}']", True)


@pytest.mark.parametrize("how", ["open", "list"])
def test_what_was_looked_for_in_vain_counts_once_it_is_there(reader: Reader, how: str) -> None:
    place = reader.folder / "override"
    read = f"open({str(place)!r}).read()" if how == "open" else f"__import__('os').listdir({str(place)!r})[0]"
    body = f"try:\n    print({read})\nexcept FileNotFoundError:\n    print('default')\n"
    assert reader.run(body) == ("default", False)
    assert reader.run(body) == ("default", True)
    assert [s["kind"] for s in reader.why.observed] == ["absent"]
    assert not reader.start(body).get_details().get("warnings"), "nobody is warned of what is not there"
    if how == "open":
        place.write_text("mine")
    else:
        (place / "mine").mkdir(parents=True)
    assert reader.run(body) == ("mine", False)
    assert any("which it looked for in vain, is there now" in b for b in reader.why.because)
    assert reader.run(body) == ("mine", True)


def test_what_the_script_makes_itself_is_no_input_however_it_finds_it(reader: Reader) -> None:
    body = (
        "import os, tempfile\n"
        "open('made', 'w').write('x')\n"
        "os.symlink('made', 'link')\n"
        "assert open('link').read() == 'x'\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    open(folder + '/made', 'w').write('x')\n"
        "    os.symlink(folder, folder + '/link')\n"
        "    print(open(folder + '/link/made').read(), os.listdir(folder + '/link') != [])\n"
        "    os.system('echo x > ' + folder + '/other')\n"
        "    open(folder + '/other').read()\n"
        "    print(os.path.exists(folder + '/none'))\n"
    )
    assert reader.run(body) == ("x True\nFalse", False)
    assert reader.why.observed == []
    assert reader.run(body) == ("x True\nFalse", True)


def test_what_the_script_looked_for_in_vain_and_then_made_stands_for_nothing(reader: Reader) -> None:
    cache = reader.folder / "cache"
    body = (
        f"try:\n    print(open({str(cache)!r}).read())\nexcept FileNotFoundError:\n"
        f"    open({str(cache)!r}, 'w').write('kept')\n    print('made')\n"
    )
    assert reader.run(body) == ("made", False)
    assert "came while it ran" in str(reader.why.not_reusable)
    assert reader.run(body) == ("kept", False)
    assert reader.run(body) == ("kept", True)


def test_an_input_at_which_there_is_nothing_is_warned_of(reader: Reader) -> None:
    store = reader.ws.get_default_datastore()
    (reader.source / "s.py").write_text("import os, sys\nprint(os.path.exists(sys.argv[1]))\n")
    land = DataReference(store, "land", path_on_datastore="not there")
    step = PythonScriptStep(
        "s.py",
        name="reads nothing",
        arguments=[land],
        inputs=[land],
        source_directory=str(reader.source),
        compute_target="cpu",
    )
    run = Experiment(reader.ws, "undeclared").submit(Pipeline(reader.ws, [step]))
    assert reader.end(run) == ("False", False)
    (warning,) = run.get_details()["warnings"]
    said = str(warning)
    assert (
        "Step 'reads nothing': there is nothing at " in said
        and "/not there, where its input 'land' is. Check the path." in said
    )
