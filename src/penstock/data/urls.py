"""What a URL holds now, told by its server's own marks (etag, or the time of its last change) without reading it. Knows HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from email.message import Message
from email.utils import parsedate_to_datetime

from penstock.model.errors import PenstockError

TIMEOUT_SECONDS = 20.0
_SETTLED_SECONDS = 2.0


class CannotTell(PenstockError):
    """Nobody can say whether a URL holds what it held."""

    code = "CannotTell"


def mark_of(url: str) -> str:
    """A text that is another when the URL holds something else. CannotTell with the reason when its server gives none."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # its body is left unread
            headers = answer.headers
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CannotTell(f"{url} could not be asked for: {error}.", target=url) from None
    if etag := headers.get("ETag"):
        return json.dumps(["etag", etag, headers.get("Content-Length")])
    if modified := headers.get("Last-Modified"):
        if not _is_settled(headers):
            raise CannotTell(f"{url} changed just now, and its server tells changes by the second.", target=url)
        return json.dumps(["modified", modified, headers.get("Content-Length")])
    raise CannotTell(
        f"{url} may hold something else each time: its server gives neither an etag nor the time of the last change.",
        target=url,
    )


def _is_settled(headers: Message) -> bool:
    """Whether the last change is older than what one second can hide, by the server's own clock."""
    try:
        asked, changed = (parsedate_to_datetime(str(headers[name])) for name in ("Date", "Last-Modified"))
        return (asked - changed).total_seconds() >= _SETTLED_SECONDS
    except (TypeError, ValueError):
        return False
