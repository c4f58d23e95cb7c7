"""What runs the steps of a pipeline, as a digest; what was seen under each digest is kept, so that two can be compared later."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from penstock.data.digests import Digests
from penstock.environments.identity import Interpreters

Json = dict[str, Any]
_WORDS = {"python": "Python", "platform": "the platform"}
_SHOWN = 6


class Interpreting:
    """The identities of authors' interpreters as steps find them: with what steps inherit, and their own variables."""

    def __init__(self, home: Path, digests: Digests, inherited: Mapping[str, str]) -> None:
        self._interpreters = Interpreters(home, digests)
        self._inherited = inherited
        self._kept = home / "environments" / "seen"
        self._kept.mkdir(parents=True, exist_ok=True)

    def identify(self, interpreter: Json, variables: Mapping[str, str]) -> str:
        """The digest of what a step would run with; CannotIdentify when that cannot be told."""
        found = self._interpreters.identity(interpreter, {**self._inherited, **variables})
        path = self._path(found.digest)
        if not path.exists():
            partial = path.with_name(f".{path.name}.{os.getpid()}.{id(found)}")
            partial.write_text(json.dumps(found.parts))
            partial.replace(path)
        return found.digest

    def compare(self, before: str, after: str) -> list[str]:
        """What differs between two of them, a clause each; empty when one was not kept."""
        try:
            was, now = (json.loads(self._path(d).read_bytes()) for d in (before, after))
        except (OSError, ValueError):
            return []
        found = list(_differences(was, now))
        return found if len(found) <= _SHOWN else [*found[:_SHOWN], f"{len(found) - _SHOWN} more packages differ"]

    def _path(self, digest: str) -> Path:
        return self._kept / (digest.rpartition(":")[2] + ".json")


def _differences(was: Json, now: Json) -> Iterator[str]:
    versions = [(p.get("distributions") or {}) for p in (was, now)]
    told = set()
    for name in dict.fromkeys([*versions[0], *versions[1]]):
        before, after = versions[0].get(name), versions[1].get(name)
        if before != after:
            told.add(name)
            yield (
                f"{name} {after} is new"
                if before is None
                else (f"{name} {before} is gone" if after is None else f"{name} was {before}, is {after}")
            )
    for key in dict.fromkeys([*was, *now]):
        before, after = was.get(key), now.get(key)
        if key == "distributions" or before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            names = [n for n in dict.fromkeys([*before, *after]) if before.get(n) != after.get(n) and n not in told]
            yield from (f"the installed code of {name} changed" for name in names)
        else:
            yield f"{_WORDS.get(key, key)} was {before}, is {after}"
