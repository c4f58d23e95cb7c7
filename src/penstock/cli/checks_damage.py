"""Doctor's checks of what the database and the disk say of each other. Reads only; each finding names what is gone and the way out."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.cli.checks import Finding, fail, ok, warn
from penstock.cli.places import Place
from penstock.cli.terminal import counted, short

NAMED = 3
RESTORE = "Restore a backup: penstock restore FILE"


def choices(at: Place) -> Iterator[Finding]:
    """home.json: the id and the port, chosen once."""
    file = at.home / "home.json"
    if not at.settings.database.exists() and not file.exists():
        return
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(kept, dict) or not kept.get("id") or not isinstance(kept.get("port"), int):
            raise ValueError("it lacks an id or a port")
    except FileNotFoundError:
        yield fail(
            "home.json",
            f"{file} is missing, so the next server would choose another port and id.",
            f"{RESTORE}; or start a server with the old port: penstock serve --port N",
        )
    except (OSError, ValueError) as error:
        example = json.dumps({"schema": 1, "id": "any new id", "port": 20000})
        yield fail(
            "home.json",
            f"{file} is damaged ({error}), so no server can start.",
            f"{RESTORE}, or write {example} into it.",
        )
    else:
        yield ok("home.json", f"port {kept['port']}")


def secrets(at: Place) -> Iterator[Finding]:
    """The signing key and the token: there, whole, and this user's alone."""
    if not at.settings.database.exists():
        return
    wrong = []
    for name in ("key", "token"):
        file = at.home / name
        try:
            is_whole = len(bytes.fromhex(file.read_text(encoding="ascii"))) == 32
            mode = stat.S_IMODE(file.stat().st_mode)
        except FileNotFoundError:
            what = f"{file} is missing: the next server makes a new one, and what was signed with it before is void."
            wrong.append(warn("secrets", what, RESTORE + ", if others hold what it signed."))
            continue
        except (OSError, ValueError):
            is_whole, mode = False, 0o600
        if not is_whole:
            fix = f"{RESTORE}, or delete it to have a new one."
            wrong.append(fail("secrets", f"{file} is damaged: it should hold 64 hexadecimal digits.", fix))
        elif mode & 0o077:
            wrong.append(fail("secrets", f"{file} can be read by other users (mode {mode:o}).", f"chmod 600 '{file}'"))
    yield from wrong or [ok("secrets", "key and token are whole and yours alone")]


def schema(at: Place) -> Iterator[Finding]:
    """That this version knows the database's schema."""
    from penstock.store.database import HEAD

    def look(found: Any) -> Iterator[Finding]:
        version = found.schema()
        if version is not None and version > HEAD:
            yield fail(
                "schema",
                f"the database has schema {version}; this Penstock knows {HEAD} and older.",
                "Upgrade: pip install -U penstock",
            )
        elif version is not None and version < HEAD:
            yield ok("schema", f"{version}; the next server migrates it to {HEAD}")
        elif version is not None:
            yield ok("schema", version)

    yield from _examined(at, look)


def runs(at: Place) -> Iterator[Finding]:
    """That every job folder has its run, and every step that was handed out its job folder."""

    def look(found: Any) -> Iterator[Finding]:
        names = {n for n in _listed(at.home / "jobs") if (at.home / "jobs" / n).is_dir()}
        known = found.known_runs({n.rpartition(".")[0] for n in names})
        orphans = sorted(n for n in names if n.rpartition(".")[0] not in known)
        gone = [s for s in found.begun_steps() if f"{s['id']}.{s['attempt']}" not in names and s["status"] != "Queued"]
        if orphans:
            yield warn(
                "runs",
                f"{len(orphans)} job folders belong to no run of the database: {_some(orphans)}.",
                f"If an older database was put back, they are newer than it; else delete them below {at.home / 'jobs'}.",
            )
        if gone:
            texts = [f"'{s['name']}' ({s['id']}, {s['status']})" for s in gone]
            yield fail(
                "runs",
                f"{len(gone)} steps are under way, but their job folders are gone: {_some(texts)}.",
                "A server cannot know how they ended. Cancel them: penstock run cancel ID",
            )
        if not orphans and not gone:
            yield ok("runs", "every job folder has its run, and every step its folder")

    yield from _examined(at, look, "runs")


def snapshots(at: Place) -> Iterator[Finding]:
    """That the source snapshots are whole: manifests, and the blobs that they name."""
    folder, blobs = at.home / "snapshots", at.home / "blobs"
    missing: dict[str, int] = {}
    damaged = []
    for name in (n for n in _listed(folder) if n.endswith(".json")):
        try:
            digests = {f["digest"].partition(":")[2] for f in json.loads((folder / name).read_text())["files"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            damaged.append(name)
            continue
        if lost := sum(not (blobs / d[:2] / d).exists() for d in digests):
            missing[name] = lost
    if damaged:
        yield fail(
            "snapshots",
            f"manifests that cannot be read: {_some(damaged)}.",
            f"Delete them below {folder}, and submit again.",
        )
    if missing:
        texts = [f"{n} lacks {count}" for n, count in missing.items()]
        yield fail(
            "snapshots",
            f"blobs are gone that {len(missing)} snapshots need: {_some(texts)}.",
            f"{RESTORE}; or delete these manifests below {folder}: the next submit uploads all again.",
        )

    def look(found: Any) -> Iterator[Finding]:
        needed = found.snapshots_of_active_runs()
        lost = [f"{d} (run {r})" for d, r in needed.items() if not (folder / f"{d.partition(':')[2]}.json").exists()]
        if lost:
            yield fail(
                "snapshots",
                f"runs that are not over need snapshots that are gone: {_some(lost)}.",
                "Submit from the same folder again, or cancel them.",
            )
        elif not damaged and not missing:
            yield ok("snapshots", "every manifest and blob is there")

    yield from _examined(at, look, "snapshots")


def outputs(at: Place) -> Iterator[Finding]:
    """That what completed steps published is still there."""

    def look(found: Any) -> Iterator[Finding]:
        rows = found.published_outputs()
        kept = [r for r in rows if r["cleared"] is None]
        gone = [r for r in kept if not os.path.lexists(os.path.join(r["root"], r["path"]))]
        cleared = f"; {len(rows) - len(kept)} cleared away" if len(rows) > len(kept) else ""
        if gone:
            texts = [f"{r['name']} of step '{r['step']}' ({short(r['run_id'])})" for r in gone]
            steps = list(dict.fromkeys(short(r["run_id"]) for r in gone))
            named = " ".join(steps) if len(steps) <= 5 else "RUN..."
            yield fail(
                "outputs",
                f"the bytes of {len(gone)} of {counted(len(kept), 'output')} are gone: {_some(texts)}.",
                "Put the files back; or run the pipeline again (reuse does not take what is gone) and give these up: "
                f"penstock cache forget {named}",
            )
        else:
            yield ok("outputs", f"{counted(len(kept), 'output')}, all there{cleared}")

    yield from _examined(at, look, "outputs")


def models(at: Place) -> Iterator[Finding]:
    """That registered models have their files."""

    def look(found: Any) -> Iterator[Finding]:
        rows = found.models()
        gone = [f"{r['name']}:{r['version']}" for r in rows if not (at.home / r["path"] / r["entry"]).exists()]
        if gone:
            fix = f"{RESTORE}, or delete these versions and register them again."
            yield fail("models", f"the files of {len(gone)} of {len(rows)} models are gone: {_some(gone)}.", fix)
        else:
            yield ok("models", f"{len(rows)} registered, all there")

    yield from _examined(at, look, "models")


def datastores(at: Place) -> Iterator[Finding]:
    """That no other home writes into the datastores. Their folders are made at first use."""

    def look(found: Any) -> Iterator[Finding]:
        well = True
        for row in found.datastores():
            root, named = Path(row["root"]), f"'{row['name']}' of workspace '{row['workspace']}'"
            owned = {n for n in _listed(root / "azureml") if len(n) == 36}
            foreign = sorted(owned - found.known_runs(owned))
            if foreign:
                yield warn(
                    "datastores",
                    f"datastore {named} at {root} holds outputs of {len(foreign)} runs that this home does not know: {_some(foreign)}.",
                    "Another home shares the folder, or an older database was put back. Give each home a folder of its own.",
                )
                well = False
        if well:
            yield ok("datastores", "no other home writes into them")

    yield from _examined(at, look, "datastores")


def _examined(at: Place, look: Any, subject: str = "") -> Iterator[Finding]:
    """What `look` finds in the database; nothing when there is none or it cannot be read, which another check says. With a `subject` it needs
    today's schema: of an older one it says that this waits."""
    from penstock.store.database import HEAD
    from penstock.store.examination import examine

    if not at.settings.database.exists():
        return
    try:
        with examine(at.settings.database) as found:
            version = found.schema()
            if subject and version is not None and version < HEAD:
                yield ok(subject, f"not looked at yet: the next server migrates the database from schema {version}")
            else:
                yield from list(look(found))
    except sqlite3.Error:
        return


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
