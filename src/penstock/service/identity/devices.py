"""Sign-ins that a program begins and a person allows on a page (RFC 8628): pending ones, by the code that is typed in.

They are kept in memory: a server that restarts has forgotten them, and whoever waits begins anew. Must know no HTTP.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import Any

from penstock.model.errors import NotFound, TooManyRequests
from penstock.service.context import Context

Json = dict[str, Any]
GOOD_SECONDS = 900
INTERVAL_SECONDS = 2
SLOWER_SECONDS = 5
MOST = 1000
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: a code is never a word


class NotSignedIn(Exception):
    """Whoever polls gets nothing now. `code` is RFC 8628's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class _Pending:
    user_code: str
    client: str
    address: str
    until: float
    interval: float = INTERVAL_SECONDS
    asked_at: float = float("-inf")
    who: Json | None = None
    is_denied: bool = False


class Devices:
    """Pending sign-ins."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pending: dict[str, _Pending] = {}
        self._lock = threading.Lock()

    def begin(self, client: str, address: str) -> Json:
        """`device_code`, for the program to ask with, and `user_code`, for the person to type in."""
        now = self._context.clock()
        with self._lock:
            self._pending = {code: p for code, p in self._pending.items() if p.until > now}
            if len(self._pending) >= MOST:
                raise TooManyRequests(f"{MOST} sign-ins wait to be allowed already. Try again in a few minutes.")
            letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
            pending = _Pending(f"{letters[:4]}-{letters[4:]}", client, address, now + GOOD_SECONDS)
            device_code = secrets.token_urlsafe(32)
            self._pending[device_code] = pending
        return {
            "device_code": device_code,
            "user_code": pending.user_code,
            "expires_in": GOOD_SECONDS,
            "interval": INTERVAL_SECONDS,
        }

    def waiting(self, user_code: str) -> Json:
        """Which program waits for this code, and from where it asked."""
        with self._lock:
            found = self._find(user_code)
            return {"user_code": found.user_code, "client": found.client, "address": found.address}

    def decide(self, user_code: str, who: Json | None) -> None:
        """Let the program sign in as `who`; None: not at all."""
        with self._lock:
            found = self._find(user_code)
            found.who, found.is_denied = who, who is None

    def take(self, device_code: str) -> Json:
        """Who allowed it: given once. NotSignedIn says why there is nobody."""
        now = self._context.clock()
        with self._lock:
            found = self._pending.get(device_code)
            if found is None or found.until <= now:
                self._pending.pop(device_code, None)
                raise NotSignedIn("expired_token", "The code has expired, or was used. Begin again: penstock login")
            if found.is_denied:
                del self._pending[device_code]
                raise NotSignedIn("access_denied", "The sign-in was refused on the page.")
            if found.who is not None:
                del self._pending[device_code]
                return found.who
            is_hurried = now - found.asked_at < found.interval
            found.asked_at = now
            if is_hurried:
                found.interval += SLOWER_SECONDS
                raise NotSignedIn("slow_down", f"Ask every {found.interval:g} seconds, no more often.")
        raise NotSignedIn("authorization_pending", f"Nobody has typed in the code {found.user_code} yet. Ask again.")

    def _find(self, user_code: str) -> _Pending:
        wanted = "".join(c for c in user_code.upper() if c in _LETTERS)
        now = self._context.clock()
        for pending in self._pending.values():
            is_open = pending.until > now and pending.who is None and not pending.is_denied
            if is_open and pending.user_code.replace("-", "") == wanted:
                return pending
        raise NotFound(
            f"No program waits for the code '{user_code[:40]}'. Codes are good for {GOOD_SECONDS // 60} minutes: "
            "begin again with penstock login, and type in the new one.",
            target="user_code",
        )
