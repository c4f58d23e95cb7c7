"""Prints the database of a small home as SQL text, for the test that every released schema can still be opened.

With each release that changes the schema, run once with that release's code:
    python tests/contract/schemas/record.py > tests/contract/schemas/<version>.sql
Paths of the machine become @HOME@ and @PYTHON@.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))
from served import Client, node, serve, wait_until_served

SCRIPT = b"""
import json, os, time
out = os.environ["AZUREML_DATAREFERENCE_out"]
os.makedirs(out, exist_ok=True)
open(os.path.join(out, "data"), "w").write("bytes")
os.makedirs("outputs", exist_ok=True)
open("outputs/model.bin", "w").write("weights")
with open(os.path.join(os.environ["PENSTOCK_JOB"], "journal"), "a") as journal:
    journal.write(json.dumps({"at": time.time(), "op": "metric", "kind": "scalar", "name": "loss", "value": 0.5}) + "\\n")
    journal.write(json.dumps({"at": time.time(), "op": "tag", "name": "kind", "value": "fixture"}) + "\\n")
"""


def fill(client: Client) -> None:
    """One of everything a schema holds."""
    good, bad = client.snapshot(a__py=SCRIPT), client.snapshot(a__py=b"raise SystemExit('bad')")
    first = client.submit([node(good), node(good, 1, after=["00000000"])], tags={"made": "for a test"})[1]
    client.follow(first["run"]["id"])
    failed = client.submit([node(bad)])[1]
    client.follow(failed["run"]["id"])
    source = {"run_id": first["steps"][0]["run_id"], "path": "outputs/model.bin"}
    assert client("POST", "/ws/w/models", {"name": "m", "source": source})[0] == 201
    definition = {"paths": [{"datastore": "workspaceblobstore", "path": "a.csv"}]}
    saved = client("POST", "/ws/w/datasets", {"kind": "file", "definition": definition})[1]
    assert client("POST", "/ws/w/datasets/register", {"name": "d", "id": saved["id"]})[0] == 201
    definition = {"definition": {"name": "env", "version": "1"}, "version": "1"}
    assert client("POST", "/ws/w/environments/env", definition)[0] == 201
    status, answer = client("POST", "/ws/w/interactive_runs", {"experiment": "by-hand", "tags": {"a": "b"}})
    assert status == 201, answer


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="pr-"))
    os.environ["PENSTOCK_HOME"] = str(home)
    process = serve(home, "--embedded")
    client = wait_until_served(home, process)
    try:
        fill(client)
    finally:
        client("POST", "/shutdown", {"force": True})
        process.wait(30)
    with closing(sqlite3.connect(home / "penstock.db")) as database:
        text = "\n".join(database.iterdump())
    text = text.replace(str(home), "@HOME@").replace(sys.executable, "@PYTHON@")
    print(re.sub(r"(?<=[\"'])/[^\"'@]*/(?=[^/\"']*[\"'])", "@ELSEWHERE@/", text))


if __name__ == "__main__":
    main()
