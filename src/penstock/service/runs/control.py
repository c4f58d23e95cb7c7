"""Stopping runs, and runs that their caller drives: created, written to and ended over HTTP."""

from __future__ import annotations

import re
import shutil
from typing import IO, Any

from sqlalchemy import Connection

from penstock.data.paths import beneath, relative_path
from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.model.status import TERMINAL, Status
from penstock.service.assets.catalog import Catalog
from penstock.service.context import Context, new_id
from penstock.service.execution import journal
from penstock.service.execution.inbox import Inbox
from penstock.service.runs.driven import checked_owner, take_over
from penstock.store import history, records, runs

Json = dict[str, Any]
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")


class Control:
    """The verbs cancel, complete and those of interactive runs."""

    def __init__(self, context: Context, workspaces: Catalog, inbox: Inbox) -> None:
        self._context = context
        self._workspaces = workspaces
        self._inbox = inbox
        self._db = context.database

    def cancel(self, run_id: str, reason: str | None = None) -> bool:
        """Ask for a run to stop; False when it is over already. It is Canceled once no process of it is left."""
        asked = self._db.write(lambda connection: self._request_cancel(connection, run_id, reason))
        if asked is None:
            return False
        self._context.changes.notify([asked])
        self._inbox.put("cancel", run_id)
        self._context.wake()
        return True

    def _request_cancel(self, connection: Connection, run_id: str, reason: str | None) -> str | None:
        row = _existing(connection, run_id)
        before = Status(row["status"])
        if before in TERMINAL:
            return None
        now, root = self._context.clock(), str(row["root_id"])
        after = Status.CANCELED if row["type"] == "interactive" else Status.CANCEL_REQUESTED
        waits = row["type"] == "step" and before is Status.NOT_STARTED
        is_moved = before not in (after, Status.FINALIZING) and not waits
        if is_moved:
            runs.move(connection, [runs.Move(run_id, before, after, row["attempt"], at=now)])
        name = "canceled" if after is Status.CANCELED else "cancel_requested"
        body = {"status": str(after if is_moved else before), **({"message": reason} if reason else {})}
        history.append(connection, [history.Event(run_id, root, now, name, body)])
        return root

    def start_interactive(self, workspace: str, body: Json) -> str:
        """A run that starts Running and is driven by its caller; its id."""
        self._context.room.demand()
        experiment = self._workspaces.put_experiment(workspace, str(body.get("experiment") or ""))
        run_id = str(body.get("id") or new_id())
        if not _RUN_ID.match(run_id):
            raise BadRequest(f"The run id {run_id!r} is invalid. Use 1 to 64 letters, digits, '-', '_' and '.'.")
        unnamed = f"child {run_id[:8]}" if body.get("parent_id") else experiment["name"]
        now = self._context.clock()
        row = {
            "id": run_id,
            "workspace": workspace,
            "experiment": experiment["name"],
            "type": "interactive",
            "name": str(body.get("name") or body.get("display_name") or unnamed),
            "display_name": body.get("display_name"),
            "parent_id": body.get("parent_id"),
            "root_id": run_id,
            "target": "local",
            "status": str(Status.RUNNING),
            "owner": checked_owner(body.get("owner")),
            "created_at": now,
            "started_at": now,
        }
        self._db.write(lambda connection: self._add_interactive(connection, row, body))
        self._context.changes.notify([row["root_id"]])
        return run_id

    def _add_interactive(self, connection: Connection, row: Json, body: Json) -> None:
        if runs.get_run(connection, row["id"]) is not None:
            if body.get("key") == row["id"]:
                return  # its own answer was lost: it is asked for once more
            raise Conflict(f"There is a run '{row['id']}' already. Choose another run id.", target=row["id"])
        if row["parent_id"]:
            above = runs.get_run(connection, row["parent_id"])
            if above is None or above["workspace"] != row["workspace"]:
                raise NotFound(
                    f"There is no run '{row['parent_id']}' in workspace '{row['workspace']}' to be the parent. Name one, or none.",
                    target="parent_id",
                )
            row["root_id"] = above["root_id"]
        runs.insert_runs(connection, [row])
        for kind, values in (("tag", body.get("tags")), ("property", body.get("properties"))):
            records.set_labels(
                connection, row["id"], kind, {str(k): None if v is None else str(v) for k, v in (values or {}).items()}
            )
        event = history.Event(row["id"], row["root_id"], row["created_at"], "created", {"status": row["status"]})
        history.append(connection, [event])

    def complete(self, run_id: str, body: Json) -> bool:
        """End an interactive run; False when it is over already."""
        status = Status(body["status"]) if body.get("status") in [str(s) for s in TERMINAL] else None
        if status is None:
            raise BadRequest(
                f"A run ends as Completed, Failed or Canceled, not as {body.get('status')!r}.", target="status"
            )
        error = body.get("error")
        if error is not None and not isinstance(error, dict):
            error = {"code": "UserError", "message": str(error), "details": {}}
        root = self._db.write(lambda connection: self._complete(connection, run_id, status, error))
        if root is not None:
            self._context.changes.notify([root], ends=True)
        return root is not None

    def _complete(self, connection: Connection, run_id: str, status: Status, error: Json | None) -> str | None:
        row = _existing(connection, run_id)
        if row["type"] != "interactive":
            raise BadRequest(
                f"Run '{run_id}' is a {row['type']} run: it ends by itself. Cancel it, or wait for it.", target=run_id
            )
        before = Status(row["status"])
        if before in TERMINAL:
            return None
        now, root = self._context.clock(), str(row["root_id"])
        runs.move(connection, [runs.Move(run_id, before, status, row["attempt"], at=now, error=error)])
        history.append(connection, [history.Event(run_id, root, now, status.lower(), {"status": str(status)})])
        return root

    def write_journal(self, run_id: str, entries: Any, owner: str | None = None) -> None:
        """The records of docs/job.md, from a caller that has no job folder. `owner`: its process, as `checked_owner` gives it."""
        if not isinstance(entries, list):
            raise BadRequest("The journal is a JSON list of records. Send a list.")
        now = self._context.clock()

        def work(connection: Connection) -> str:
            row = _existing(connection, run_id)
            take_over(connection, row, owner)
            journal.apply(connection, entries, row, f"runs/{run_id}", now)
            return str(row["root_id"])

        self._context.changes.notify([self._db.write(work)])

    def put_file(self, run_id: str, name: str, stream: IO[bytes]) -> int:
        """Keep a file of a run under `name`; its size in bytes. A file of that name is replaced."""
        clean = str(relative_path(name))
        if clean == ".":
            raise BadRequest("The file has no name. Put it under one: …/files/<name>.")
        with self._db.read() as connection:
            row = _existing(connection, run_id)
        folder = self._context.home / "runs" / run_id / "files"
        target = beneath(folder, clean)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{new_id()}")
        try:
            with open(partial, "wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        size = target.stat().st_size
        path = str(target.relative_to(self._context.home))
        file = {"run_id": run_id, "name": clean, "attempt": row["attempt"], "path": path, "size_bytes": size}
        self._db.write(lambda connection: records.put_artifacts(connection, [file]))
        return size


def _existing(connection: Connection, run_id: str) -> Json:
    row = runs.get_run(connection, run_id)
    if row is None:
        raise NotFound(f"There is no run '{run_id}' on this server. List them: penstock run list", target=run_id)
    return row
