"""Results that may be reused: which there are, what one is made of, that one never is again, and whether their bytes are as published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data.paths import beneath
from penstock.model.errors import NotFound, PenstockError
from penstock.service.assets.catalog import iso
from penstock.service.context import Context
from penstock.store import catalog, identities, records, removals, runs

Json = dict[str, Any]


class Results:
    """The verbs around what may be reused."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def list(self, workspace: str, step: str | None = None) -> list[Json]:
        """Newest first; of one step's name, or all."""
        now = self._context.clock()
        with self._context.database.read() as connection:
            rows = removals.results(connection, workspace)
        return [_shown(r, now) for r in rows if step in (None, r["name"])]

    def show(self, workspace: str, run_id: str) -> Json:
        """One result: what it is made of, what it left, what it was seen to read. NotFound says why a run is none."""
        with self._context.database.read() as connection:
            row = self._found(connection, workspace, run_id)
            identity = identities.get(connection, run_id)
            seen = identities.observations(connection, [run_id])[run_id]
            outputs = records.outputs_of(connection, [run_id])[run_id]
        assert identity is not None
        kept = [
            {k: o[k] for k in ("name", "datastore", "path", "kind", "digest", "n_files", "size_bytes")} for o in outputs
        ]
        observed = [{k: s[k] for k in ("kind", "name", "found")} for s in seen]
        return {**_shown(row, self._context.clock()), "parts": identity["parts"], "outputs": kept, "observed": observed}

    def forget(self, workspace: str, run_id: str) -> Json:
        """Have no later step stand on this run, ever; what it left stays where it is, and nobody asks whether it is whole any more."""
        at = iso(self._context.clock())

        def work(connection: Connection) -> Json:
            row = self._found(connection, workspace, run_id, unfit=True)
            identities.spoil(connection, run_id, f"{identities.FORGOTTEN}{str(at)[:10]} (penstock cache forget)")
            return row

        return _shown(self._context.database.write(work), self._context.clock())

    def verify(self, workspace: str, run_id: str | None = None) -> Json:
        """Read the bytes of results (one, or all) and hold them to what was published: `checked`, and `damaged` with what is wrong."""
        with self._context.database.read() as connection:
            if run_id is not None:
                self._found(connection, workspace, run_id)
            rows = [r for r in removals.results(connection, workspace) if run_id in (None, r["run_id"])]
            outputs = records.outputs_of(connection, [r["run_id"] for r in rows])
            where = {d["name"]: d["root"] for d in catalog.datastores(connection, workspace)}
        damaged = []
        for row in rows:
            for each in outputs[row["run_id"]]:
                if each["kind"] != "missing" and (wrong := self._wrong(where.get(each["datastore"]), each)):
                    about = {k: row[k] for k in ("run_id", "name")}
                    damaged.append({**about, "output": each["name"], "path": each["path"], "what": wrong})
        return {"checked": len(rows), "size_bytes": sum(r["size_bytes"] for r in rows), "damaged": damaged}

    def _wrong(self, root: str | None, output: Json) -> str | None:
        """What is not as published; the bytes are read, whatever is remembered of them."""
        if not root:
            return f"there is no datastore '{output['datastore']}' any more"
        try:
            tree = self._context.digests.afresh(beneath(Path(root), output["path"]))
        except PenstockError as error:
            return error.message
        except OSError as error:
            return f"{error.filename or output['path']} could not be read: {error.strerror}"
        if tree.kind == "missing":
            return "it is not there any more"
        if tree.kind != output["kind"]:
            return f"it is a {tree.kind} in place of a {output['kind']}"
        if tree.digest == output["digest"]:
            return None
        was, now = (
            _extent(n, size) for n, size in ((output["n_files"], output["size_bytes"]), (tree.n_files, tree.size_bytes))
        )
        return "its bytes are others, as many as there were" if was == now else f"it has {now} in place of {was}"

    def _found(self, connection: Connection, workspace: str, run_id: str, *, unfit: bool = False) -> Json:
        for row in removals.results(connection, workspace, run_id, unfit=unfit):
            return row
        run, identity = runs.get_run(connection, run_id), identities.get(connection, run_id)
        if run is None or run["workspace"] != workspace:
            raise NotFound(f"There is no run '{run_id}' in workspace '{workspace}'. List results: penstock cache list")
        why = "it has not begun, or was taken over from a run that was resumed"
        if run["type"] != "step":
            why = f"only the run of a step is one. Name that of one of its steps: penstock run show {run_id[:8]} lists them"
        elif run["reused_run_id"]:
            why = f"it is run {run['reused_run_id']} itself that later steps stand on"
        elif identity is not None:
            why = identity["unusable"] or "what it wrote was cleared away, or it has not completed"
        raise NotFound(f"Run '{run_id}' is no result that may be reused: {why}. All results: penstock cache list")


def _extent(n_files: int, n_bytes: int) -> str:
    return f"{n_files} file{'' if n_files == 1 else 's'} of {n_bytes:,} byte{'' if n_bytes == 1 else 's'}"


def _shown(row: Json, now: float) -> Json:
    same = ("run_id", "root_id", "workspace", "experiment", "name", "fingerprint", "size_bytes", "n_files", "n_hits")
    age = max(0.0, now - row["ended_at"])
    return {
        **{k: row[k] for k in same},
        "ended_at": iso(row["ended_at"]),
        "age_seconds": age,
        "last_hit": iso(row["last_hit"]),
    }
