"""Binding one step of a plan to paths and values, and so to its Job. Reads the store; starts nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data import filesets, pins, publish
from penstock.data.clocks import Clocks
from penstock.data.paths import beneath, relative_path
from penstock.data.remotes import Mirror
from penstock.engine.plan import Plan
from penstock.model.errors import BadRequest, NotFound
from penstock.model.graph import Input, Node, Output
from penstock.model.job import Job
from penstock.service.assets import datastores
from penstock.service.context import Context
from penstock.service.execution import registering
from penstock.steps.base import Bound, BoundInput, BoundOutput, Interpreter
from penstock.steps.registry import step_kind
from penstock.store import catalog

Json = dict[str, Any]


@dataclass(frozen=True)
class Root:
    """What all steps of one pipeline run share. `bindings` were stored at submission."""

    id: str
    workspace: str
    experiment: str
    plan: Plan
    bindings: Json
    step_ids: dict[str, str]
    regenerates: bool = False
    taken: dict[str, dict[str, str]] = field(
        default_factory=dict
    )  # of steps that an earlier one stands for: paths by output, of one that was linked its dataset
    left_at: dict[str, float] = field(default_factory=dict)  # when what a step left was what it is taken for
    looked_at: dict[str, float] = field(default_factory=dict)  # when what a step reads from outside was looked at

    def output_path(self, producer: Node, output: Output) -> str:
        """Where an output of a step lies on its datastore: of one that was taken over from an earlier run, where that left it."""
        taken = self.taken.get(producer.id)
        if taken is not None:
            return taken[output.name]
        return output_path(output, self.step_ids[producer.id])


class Binder:
    """Makes the Job of a step that is about to start."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._clocks = Clocks(context.clock)

    def job(
        self, connection: Connection, root: Root, node: Node, run_id: str, attempt: int, scratch: Path | None = None
    ) -> Job:
        """The job of try `attempt`; a PenstockError says what cannot be bound. All that it writes goes to `scratch` if given."""
        folder = scratch or self._context.home / "jobs" / f"{run_id}.{attempt}"
        found = ((i, self._input(connection, root, i, folder)) for i in node.inputs)
        inputs = tuple(replace(bound, since=self._since(root, node, port, bound)) for port, bound in found)
        outputs = tuple(self._output(root, o, run_id, attempt, scratch) for o in node.outputs)
        interpreter = root.bindings["interpreter"]
        bound = Bound(
            node=node,
            run_id=run_id,
            attempt=attempt,
            root_id=root.id,
            values=root.plan.values,
            inputs=inputs,
            outputs=outputs,
            interpreter=Interpreter(interpreter["executable"], interpreter.get("sdk_path")),
            launcher=self._context.launcher,
            env=self._environment(root, run_id, attempt),
        )
        return step_kind(node.kind).to_job(bound)

    def _since(self, root: Root, node: Node, port: Input, bound: BoundInput) -> float | None:
        """When what a step is about to read was what its fingerprint is of, as files there are stamped; None: nobody knows, or may change it."""
        produced = root.plan.sources(node)[port.name]
        moment = root.looked_at.get(node.id) if produced is None else root.left_at.get(produced[0])
        places = [bound.path or "", *(file["source"] for file in bound.tree or ())]
        if moment is None or any(place.startswith(f"{self._context.home}/pins/") for place in places):
            return None
        folders = [Path(s["root"]) / publish.STAGING for s in root.bindings["datastores"].values() if s["root"]]
        return max((self._clocks.latest(moment, folder) for folder in folders), default=None)

    def place(self, root: Root, output: Output, run_id: str, attempt: int) -> publish.Place:
        """Where an output of this try is staged and will be published."""
        store = self.store(root, output.datastore)
        path = str(relative_path(output_path(output, run_id)))
        return publish.place(Path(store["root"]), path, f"{run_id}.{attempt}", output.name)

    def datastore_name(self, root: Root, output: Output) -> str:
        return str(output.datastore or root.plan.graph.default_datastore or root.bindings["default_datastore"])

    def _output(self, root: Root, output: Output, run_id: str, attempt: int, scratch: Path | None) -> BoundOutput:
        stage = scratch / "outputs" / output.name if scratch else self.place(root, output, run_id, attempt).stage
        return BoundOutput(output.name, output.reference, str(stage), output.is_directory, output.mode)

    def _input(self, connection: Connection, root: Root, port: Input, folder: Path) -> BoundInput:
        source = port.source
        if "parameter" in source:
            source = root.plan.values[source["parameter"]]
        if "dataset" in source:
            return self._dataset_input(connection, root, port, str(source["dataset"]), folder)
        if "node" in source:
            producer = root.plan.graph.node(source["node"])
            output = next(o for o in producer.outputs if o.name == source["output"])
            if output.mode == "link" or (port.mode == "direct" and port.reference == "dataset"):
                return self._left_dataset(connection, root, port, producer, output, folder)
            store = self.store(root, output.datastore)
            path = Path(store["root"]) / root.output_path(producer, output)
        else:
            store = self.store(root, source["datastore"])
            path = beneath(Path(store["root"]), str(source.get("path") or ""))
        return BoundInput(port.name, port.mode, port.reference, str(path), self._local(port, folder, path))

    def _left_dataset(
        self, connection: Connection, root: Root, port: Input, producer: Node, output: Output, folder: Path
    ) -> BoundInput:
        """An input that is another step's output as a dataset, transformed as the port says; saved when it is new."""
        if output.mode == "link":
            linked = root.taken.get(producer.id, {}).get(output.name) or registering.linked_dataset(
                connection, self._context.home, root.step_ids[producer.id], output.name
            )
            if linked is None:
                raise BadRequest(
                    f"Input '{port.name}': the step before linked no dataset to its output '{output.name}'. "
                    f"Call run.output_datasets['{output.name}'].link(dataset) in its script."
                )
            return self._dataset_input(connection, root, port, linked, folder)
        path = root.output_path(producer, output)
        is_file = Path(self.store(root, output.datastore)["root"], path).is_file()
        place = (self.datastore_name(root, output), path, is_file)
        kind, definition = registering.transformed(*place, list(port.transform))
        kept = registering.dataset_row(root.workspace, kind, definition, self._context.clock())
        dataset_id = self._context.database.write(lambda c: catalog.add_dataset(c, kept))
        return BoundInput(port.name, port.mode, port.reference, None, None, dataset_id)

    def _dataset_input(
        self, connection: Connection, root: Root, port: Input, dataset_id: str, folder: Path
    ) -> BoundInput:
        if port.mode == "direct":
            return BoundInput(port.name, port.mode, port.reference, None, None, dataset_id)
        dataset = catalog.get_dataset(connection, root.workspace, dataset_id)
        if dataset is None:
            raise NotFound(
                f"Input '{port.name}': there is no dataset with id '{dataset_id}'. Save or register it again."
            )
        definition = dataset["definition"]
        if not filesets.is_plain(definition):
            return self._tree(root, port, dataset_id, definition, folder)
        only = definition["paths"][0]
        path = beneath(self.folder_of(root, only), str(only.get("path") or ""))
        return BoundInput(port.name, port.mode, port.reference, str(path), self._local(port, folder, path), dataset_id)

    def _tree(self, root: Root, port: Input, dataset_id: str, definition: Json, folder: Path) -> BoundInput:
        """A dataset that lies in no one place: its files are put together for the step. One URL is the file itself."""
        found = filesets.files(definition, lambda path: self.folder_of(root, path))
        place = folder / "inputs" / port.name
        tree = tuple({"source": f.source, "target": str(beneath(place, f.name))} for f in found)
        paths = definition["paths"]
        is_file = len(paths) == 1 and "url" in paths[0] and len(tree) == 1
        local = tree[0]["target"] if is_file else str(place)
        return BoundInput(port.name, port.mode, port.reference, local, local, dataset_id, tree)

    def folder_of(self, root: Root, path: Json) -> Path:
        """The folder that a path of a dataset's definition is looked up in."""
        if "pinned" in path:
            return pins.root_of(self._context.home, path)
        return Path(self.store(root, path["datastore"])["root"])

    def _local(self, port: Input, folder: Path, path: Path) -> str | None:
        if port.mode != "download":
            return None
        return str(folder / "inputs" / port.name / path.name)

    def store(self, root: Root, name: str | None) -> Json:
        """The datastore of this name, or the default one, as it was when the run was submitted."""
        chosen = name or root.plan.graph.default_datastore or root.bindings["default_datastore"]
        found = root.bindings["datastores"].get(chosen)
        if found is None:
            raise NotFound(f"There is no datastore '{chosen}' in workspace '{root.workspace}'. Register it first.")
        return found  # type: ignore[no-any-return]

    def mirror(self, root: Root, name: str | None) -> Mirror | None:
        """The files of that datastore at its URL; None when it has none."""
        store = self.store(root, name)
        known = {"name": name or root.plan.graph.default_datastore or root.bindings["default_datastore"], **store}
        return datastores.mirror(self._context, root.workspace, known) if store.get("url") else None

    def _environment(self, root: Root, run_id: str, attempt: int) -> dict[str, str]:
        c, workspace = self._context, root.bindings["workspace"]
        token = c.run_token(run_id, attempt)
        return {
            "AZUREML_RUN_ID": run_id,
            "AZUREML_ROOT_RUN_ID": root.id,
            "PENSTOCK_PARENT_RUN_ID": root.id,
            "AZUREML_ARM_SUBSCRIPTION": workspace["subscription_id"],
            "AZUREML_ARM_RESOURCEGROUP": workspace["resource_group"],
            "AZUREML_ARM_WORKSPACE_NAME": workspace["name"],
            "AZUREML_ARM_PROJECT_NAME": root.experiment,
            "AZUREML_EXPERIMENT_ID": root.bindings["experiment_id"],
            "AZUREML_WORKSPACE_ID": workspace["id"],
            "AZUREML_RUN_TOKEN": token,
            "AZUREML_RUN_TOKEN_EXPIRY": "253402300799",
            "AZUREML_SERVICE_ENDPOINT": c.url,
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": c.url,
            "MLFLOW_TRACKING_URI": c.tracking_uri(workspace["name"]),
            "MLFLOW_TRACKING_TOKEN": token,
            "MLFLOW_EXPERIMENT_ID": root.bindings["experiment_id"],
            "MLFLOW_RUN_ID": run_id,
            "PENSTOCK_HOME": str(c.home),
            "PENSTOCK_SOCKET": c.socket,
            "PENSTOCK_URL": f"unix://{c.socket}",
            "PYTHONUNBUFFERED": "1",
        }


def output_path(output: Output, run_id: str) -> str:
    """The path of an output on its datastore: owned by the run, so that two runs never meet."""
    wanted = output.destination
    if wanted is None or "{run-id}" not in wanted:
        wanted = ("dataset" if output.reference == "dataset" else "azureml") + "/{run-id}/{output-name}"
    return wanted.replace("{run-id}", run_id).replace("{output-name}", output.name)


def constant_destination(output: Output) -> str | None:
    """The path that every run of the step is to leave a copy of the output at, if the author chose one."""
    if output.destination is None or "{run-id}" in output.destination:
        return None
    return output.destination.replace("{output-name}", output.name)
