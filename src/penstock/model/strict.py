"""JSON read strictly: UTF-8, no key twice, no NaN, not deeper than `MOST_DEPTH`, with one clear error each."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import chain
from typing import Any

from penstock.model.errors import BadRequest

Json = dict[str, Any]
MOST_DEPTH = 64


def parse(raw: bytes, what: str = "The body") -> Any:
    """What these bytes of JSON say; BadRequest, which calls them `what`, when they break a rule of this module."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{what} is no UTF-8: byte {error.start} cannot be read. Send UTF-8.") from None
    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=_no_constant, parse_float=_finite)
        is_flat = raw.count(b"{") + raw.count(b"[") <= MOST_DEPTH or _is_flat(found)
    except RecursionError:
        is_flat = False
    except json.JSONDecodeError as error:
        raise BadRequest(f"{what} is no JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except ValueError:  # a number of thousands of digits
        raise BadRequest(f"{what} holds a number that is too long. Send a shorter one.") from None
    if not is_flat:
        raise BadRequest(f"{what} is nested more than {MOST_DEPTH} deep. Send a flatter one.")
    if b"\\u" in raw:
        _demand_text(found)
    return found


def once(pairs: list[tuple[str, Any]]) -> Json:
    """An object of these keys; BadRequest when one comes twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        key = Counter(k for k, _ in pairs).most_common(1)[0][0]
        raise BadRequest(f"The body has the key {key!r} twice. Send it once.", target=key[:100])
    return found


def _no_constant(name: str) -> Any:
    raise BadRequest(f"The body holds {name}, which is no JSON. Send a number, or text.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadRequest(f"The body holds the number {text[:40]}, which is too large. Send a smaller one.")
    return number


def _demand_text(found: Any) -> None:
    """BadRequest when a text holds half of a surrogate pair: no database and no file name takes it."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise BadRequest(
            f"The body holds {half!r}, which is half of a character. Send whole ones: as UTF-8, or both halves."
        ) from None


def _is_flat(found: Any) -> bool:
    """Whether it is nested no deeper than `MOST_DEPTH`. Level by level: bodies of megabytes are looked through, too."""
    level, n_levels = [found], 0
    while level and n_levels < MOST_DEPTH:
        inner = (v.values() if isinstance(v, dict) else v for v in level if isinstance(v, (dict, list)))
        level, n_levels = list(chain.from_iterable(inner)), n_levels + 1
    return not level
