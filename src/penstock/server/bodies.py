"""Bodies of requests whose senders are not our own clients: read strictly, within a size, with one clear error each."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from penstock.model.errors import BadRequest, TooLarge, UnsupportedMediaType

Json = dict[str, Any]
MOST_BYTES = 1 << 20
MOST_DEPTH = 64


async def read_json(request: Request, most_bytes: int = MOST_BYTES) -> Json:
    """The JSON object that was sent: UTF-8, no key twice, no NaN, not deeper than `MOST_DEPTH`."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not (kind == "" or kind == "application/json" or kind.endswith("+json")):
        raise UnsupportedMediaType(
            f"The body is of type {kind!r}. Send JSON, with the header Content-Type: application/json.",
            target="Content-Type",
        )
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > most_bytes:
            raise TooLarge(f"The body is larger than {most_bytes:,} bytes. Send less; data belong in datastores.")
    return parse(bytes(raw))


def parse(raw: bytes) -> Json:
    """The same, of bytes."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is no UTF-8: byte {error.start} cannot be read. Send UTF-8.") from None
    try:
        found = json.loads(text or "{}", object_pairs_hook=_once, parse_constant=_no_constant)
        depth = _depth(found)
    except RecursionError:
        depth = MOST_DEPTH + 1
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except ValueError:  # a number of thousands of digits
        raise BadRequest("The body holds a number that is too long. Send a shorter one.") from None
    if depth > MOST_DEPTH:
        raise BadRequest(f"The body is nested more than {MOST_DEPTH} deep. Send a flatter one.")
    if not isinstance(found, dict):
        raise BadRequest(f"The body is a JSON {type(found).__name__}. Send an object: {{…}}.")
    return found


def folded(body: Json) -> Json:
    """The body with keys in lower case, as the original takes any; BadRequest when two are the same then."""
    return _once([(key.lower(), value) for key, value in body.items()])


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for key, value in pairs:
        if key in found:
            raise BadRequest(f"The body has the key {key!r} twice. Send it once.", target=key[:100])
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise BadRequest(f"The body holds {name}, which is no JSON. Send a number, or text.")


def _depth(value: Any, at: int = 1) -> int:
    if at > MOST_DEPTH:
        return at
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((_depth(each, at + 1) for each in inner), default=at)
