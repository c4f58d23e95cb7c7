"""Calls that schemathesis makes up from our own OpenAPI documents, against a real server: no answer is a 500, and each is of a status, a type
and a shape that the document tells. Not a test by itself; a short one is in test_made_up.py:

    python tests/contract/made_up.py [--each 100] [--seed 1] [--database sqlite|postgresql]

Left to itself schemathesis seldom gets past a first check, so most paths are made to name what is there, and most bodies to be ones
that would be taken but for a value or two.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import requests
import schemathesis
from conftest import stop_all
from fault.many_kills import database
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from integration.served import Client, node, printed, serve, wait_for, wait_until_served
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

Json = dict[str, Any]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NOT_CALLED = {
    ("post", "/api/v1/shutdown"): "it ends the server",
    ("get", "/api/v1/ws/{ws}/runs/{run_id}/stream"): "it may go on for ever",
    ("put", "/api/v1/ws/{ws}/datastores/{name}/root"): "it makes folders anywhere",
}
_PLAIN = settings(database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
NAMED = 0.7
"""How often a path names what is there, and a body is one that would be taken but for a value or two."""
_ODD = ["", "1", "true", "..", "a/../b", "a" * 300, "é", "\0", "\ud800", "x\r\nX-Made-Up: 1", "1e400", "2026-01-01"]
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 0.5, 1e308]),
    st.sampled_from(_ODD),
    st.text(max_size=12),
)


def _values(there: list[str]) -> SearchStrategy[Any]:
    """Any JSON, now and then with the name of something that is there."""
    keys = st.sampled_from(["name", "path", "datastore", "id", "kind", "rate", "x"])
    return st.recursive(
        _SCALARS | st.sampled_from(there),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


class World:
    """A server with one of everything. Its runs wait behind one that does not end."""

    def __init__(self, home: Path, client: Client) -> None:
        self.client, self.url = client, client.record()["url"]
        self.token = (home / "token").read_text().strip()
        client("PUT", "/ws/w/computes/cluster", {"settings": {"max_nodes": 1}})
        self.quick = client.snapshot(a__py=b"print(1)")
        rate = {"name": "rate", "type": "float", "default": "0.1"}
        nodes = [node(self.quick, outputs=[], parameters={"rate": {"parameter": "rate"}})]
        graph = {"schema": 1, "parameters": [rate], "nodes": nodes}
        self.published = {"name": "p", "graph": graph, "interpreter": {"executable": sys.executable}}
        self.pipeline = self._made("/ws/w/pipelines", self.published)
        self.taken = self._bodies()
        self.there = {**self._runs(), **self._kept()}

    def _bodies(self) -> dict[str, Json]:
        """Bodies that are taken, by how the path ends."""
        wire, own = {"ExperimentName": "e"}, {"experiment": "e"}
        version = {"kind": "python_script", "snapshot": self.quick, "settings": {"script_name": "a.py"}}
        schedule: Json = {"name": "s", "pipeline_id": self.pipeline, "experiment_name": "e"}
        schedule["recurrence"] = {"frequency": "Month", "interval": 12, "start_time": "2099-01-01T00:00:00"}
        by_endpoint = "/PipelineEndpointSubmit/Id/{endpoint_id}"
        return {
            "/PipelineSubmit/{pipeline_id}": wire,
            "/PipelineEndpointSubmit/Name": wire,
            by_endpoint: wire,
            by_endpoint + "/{version}": wire,
            "}/runs": own,
            "/ws/{ws}/runs": {**self.published, **own},
            "/plan": {**self.published, **own},
            "/interactive_runs": own,
            "/pipelines": self.published,
            "/endpoints": {"name": "new", "pipeline_id": self.pipeline},
            "/endpoints/{endpoint_id}/versions": {"pipeline_id": self.pipeline},
            "/schedules": schedule,
            "/schedules/{schedule_id}": schedule,
            "/drafts": {**self.published, **own},
            "/drafts/{draft_id}": {**self.published, **own},
            "/modules": {"name": "new"},
            "/modules/{module_id}/versions": version,
            "/data_types": {"name": "new"},
            "/datasets": {"kind": "file", "definition": {"paths": [{"datastore": "workspaceblobstore", "path": "x"}]}},
        }

    def _runs(self) -> dict[str, list[str]]:
        """A run that is over, its step, and one that waits."""
        over = self.client.submit([node(self.quick, outputs=[])])[1]["run"]["id"]
        self.client.follow(over)
        waits = self.client.snapshot(a__py=b"import time\ntime.sleep(3600)")
        busy = self.client.submit([node(waits, outputs=[])])[1]["run"]["id"]
        wait_for(lambda: [c["status"] for c in self.client.children(busy)] == ["Running"])
        held = self._made(f"/ws/w/pipelines/{self.pipeline}/runs", {"experiment": "e"})
        return {"run_id": [over, held, *(c["id"] for c in self.client.children(over))]}

    def _kept(self) -> dict[str, list[str]]:
        """Names of what is there, by the path parameter."""
        module, taken = self._made("/ws/w/modules", {"name": "m"}), self.taken
        return {
            "ws": ["w"],
            "pipeline_id": [self.pipeline],
            "endpoint_id": [self._made("/ws/w/endpoints", {"name": "ep", "pipeline_id": self.pipeline})],
            "schedule_id": [self._made("/ws/w/schedules", taken["/schedules"])],
            "dataset_id": [self._made("/ws/w/datasets", taken["/datasets"])],
            "draft_id": [self._made("/ws/w/drafts", taken["/drafts"])],
            "module_id": [module],
            "version_id": [self._made(f"/ws/w/modules/{module}/versions", taken["/modules/{module_id}/versions"])],
            "type_id": [self._made("/ws/w/data_types", {"name": "t"})],
            "name": ["workspaceblobstore", "cluster", "ep", "e", "m"],
            "version": ["0", "1"],
            "digest": [self.quick],
            "log": ["STDOUT"],
            "tenant": ["t"],
        }

    def _made(self, path: str, body: Json) -> str:
        status, made = self.client("POST", path, body)
        assert status in (200, 201), made
        return str(made["id"] if "id" in made else made["run"]["id"])


class Caller:
    """Calls what documents describe; keeps what was answered, and of each kind of wrong answer the first."""

    def __init__(self, world: World, chosen: int) -> None:
        self.world, self.rng = world, random.Random(chosen)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {world.token}"
        self.statuses: Counter[int] = Counter()
        self.n_operations = 0
        self.wrong: dict[str, str] = {}

    def call_all(self, document: Mapping[str, Any], n_each: int) -> None:
        """Each operation of the document `n_each` times."""
        for found in schemathesis.openapi.from_dict(dict(document)).get_all_operations():
            operation = found.ok()
            if (operation.method, operation.path) not in NOT_CALLED:
                self.n_operations += 1
                self._call(operation, n_each)

    def _call(self, operation: Any, n_each: int) -> None:
        cases = operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

        @seed(self.rng.randrange(2**32))
        @settings(_PLAIN, max_examples=n_each)
        @given(case=cases, changed=self._bodies(operation))
        def one(case: Any, changed: Json | None) -> None:
            for name, known in self.world.there.items():
                if name in (case.path_parameters or {}) and self.rng.random() < NAMED:
                    case.path_parameters[name] = self.rng.choice(known)
            if changed is not None and self.rng.random() < NAMED:
                case.body, case.media_type = changed, "application/json"
            if "wait" in (case.query or {}):
                case.query["wait"] = self.rng.choice((0, -1, "x", 0.01))
            self._ask(operation, case)

        one()

    def _bodies(self, operation: Any) -> SearchStrategy[Json | None]:
        """Bodies with the keys that the document names; where one is known that is taken, it with some of its values changed."""
        body = next(iter(operation.body), None)
        keys = list((body.raw_schema or {}).get("properties", ())) if body is not None else []
        if not keys:
            return st.none()
        known = [name for names in self.world.there.values() for name in names]
        ends = [end for end in self.world.taken if operation.path.endswith(end)]
        base = self.world.taken[max(ends, key=len)] if ends else {}
        some = st.dictionaries(st.sampled_from(keys), _values(known), max_size=2 if base else len(keys))
        return some.map(lambda changed: {**base, **changed})

    def _ask(self, operation: Any, case: Any) -> None:
        answer = case.call(base_url=self.world.url, session=self.session, timeout=60)
        self.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as error:
            for each in error.exceptions:
                kind = (
                    f"{operation.method.upper()} {operation.path}: {answer.status_code} {getattr(each, 'title', each)}"
                )
                self.wrong.setdefault(kind, f"{answer.text[:1000]}\n    {case.as_curl_command()[:2000]}")

    def told(self) -> Iterator[str]:
        """What was called and answered, line by line."""
        statuses = ", ".join(f"{status}: {n:,}" for status, n in sorted(self.statuses.items()))
        yield f"{self.n_operations} operations, {self.statuses.total():,} calls; answered {statuses}; {len(self.wrong)} kinds wrong"
        for kind, first in self.wrong.items():
            yield f"{kind!a}\n    {first!a}"


def documents(world: World) -> Iterator[Json]:
    """The document of the whole server, and those of one pipeline and one endpoint."""
    (pipeline,), (endpoint,) = world.there["pipeline_id"], world.there["endpoint_id"]
    yield json.loads(world.client.raw("GET", "/openapi.json")[1])
    for kind, name in (("pipelines", pipeline), ("endpoints", endpoint)):
        yield world.client("GET", f"/ws/w/{kind}/{name}/openapi.json")[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=100, help="calls of each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="sqlite", metavar="NAME", help="sqlite, postgresql or a URL")
    asked = parser.parse_args()
    with database(asked.database) as environ:
        return play(asked, environ)


def play(asked: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Calls everything, and tells of it; 1 when something was wrong."""
    home, began = Path(tempfile.mkdtemp(prefix="ps-", dir="/tmp")), time.monotonic()
    process = serve(home, "--embedded", **environ)
    try:
        world = World(home, wait_until_served(home, process))
        caller = Caller(world, asked.seed)
        for document in documents(world):
            caller.call_all(document, asked.each)
        status, health = world.client.raw("GET", "/healthz")
        print("\n".join(caller.told()))
        print(f"{time.monotonic() - began:.0f} s; seed {asked.seed}; afterwards {status} {health.decode()}")
        print("\n".join(line for line in printed(home).splitlines() if '"ERROR"' in line)[:5000])
        return 1 if caller.wrong or status != 200 else 0
    finally:
        stop_all(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
