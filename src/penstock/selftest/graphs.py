"""Small random pipelines and what their simulated scripts do."""

from __future__ import annotations

import random
from typing import Any

from penstock.selftest.processes import Behaviour

Json = dict[str, Any]
SNAPSHOT = "sha256:" + "0" * 64
FOREVER = 1e6
ENDINGS = (
    *[("exited", 0)] * 14,
    ("exited", 1),
    ("signaled", None),
    ("timed_out", None),
    ("not_started", None),
)


def random_pipeline(rng: random.Random, number: int, python: str) -> tuple[Json, dict[str, Behaviour]]:
    """The body of a submission and the behaviour of each of its steps, by the step's name."""
    nodes: list[Json] = []
    behaviours: dict[str, Behaviour] = {}
    for i in range(rng.choice((1, 2, 3, 3, 4, 5))):
        outputs = _outputs(rng, number, i)
        name = f"s{number}.{i}"
        node = {
            "id": f"{number:04x}{i:04x}",
            "name": name,
            "kind": "python_script",
            "settings": {"script_name": "a.py"},
            "snapshot": SNAPSHOT,
            "compute": {"name": rng.choice(("one", "two"))},
            "outputs": outputs,
            **_edges(rng, nodes),
            **_limits(rng),
        }
        nodes.append(node)
        behaviours[name] = _behaviour(rng, node)
    body = {
        "experiment": "e",
        "graph": {"schema": 1, "nodes": nodes},
        "interpreter": {"executable": python},
        "continue_on_step_failure": rng.random() < 0.4,
        "timeout_seconds": rng.choice((None, None, None, None, None, 1.0, 6.0)),
        "idempotency_key": f"key {number}",
    }
    return body, behaviours


def _outputs(rng: random.Random, number: int, i: int) -> list[Json]:
    found = []
    for n in range(rng.choice((0, 1, 1, 2))):
        output: Json = {"name": f"o{n}", "is_directory": rng.choice((None, None, True, False))}
        if rng.random() < 0.15:
            output["destination"] = f"kept/{number}.{i}.{n}"
        found.append(output)
    return found


def _edges(rng: random.Random, before: list[Json]) -> Json:
    """What this step waits for: earlier steps, through an output where there is one."""
    inputs: list[Json] = []
    after: list[str] = []
    for other in before:
        if rng.random() < 0.4:
            if other["outputs"] and rng.random() < 0.7:
                source = {"node": other["id"], "output": other["outputs"][0]["name"]}
                inputs.append({"name": f"i{len(inputs)}", "source": source})
            else:
                after.append(other["id"])
    return {"inputs": inputs, "after": after}


def _limits(rng: random.Random) -> Json:
    """How often the step is tried again, if its author says so."""
    if rng.random() < 0.7:
        return {}
    on = rng.choice(("infrastructure", "any"))
    return {"retry": {"count": rng.choice((1, 2, 4)), "backoff_seconds": rng.choice((0, 0.2, 3)), "on": on}}


def _behaviour(rng: random.Random, node: Json) -> Behaviour:
    ending, exit_code = rng.choice(ENDINGS)
    seconds = FOREVER if rng.random() < 0.06 else rng.choice((0.001, 0.05, 0.3, 2.0))
    writes = frozenset(o["name"] for o in node["outputs"] if rng.random() < 0.9)
    retry = node.get("retry") or {"count": 0, "on": "infrastructure"}
    may_begin = 1 + retry["count"] * (retry["on"] == "any")
    return Behaviour(seconds, ending, exit_code, writes, rng.choice((0, 0, 1, 3)), rng.choice((0, 0, 1, 2)), may_begin)
