"""What `penstock login` keeps for each server in `<home>/logins.json`, and the token that it is good for.

Knows the file (the SDK reads it too) and the server's token endpoint. Must not print or ask.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from penstock.cli.client import Address, Client
from penstock.cli.trouble import BAD_USAGE, FAILED, Trouble

Json = dict[str, Any]
SCOPE = "https://management.azure.com/.default"
TENANT = "common"


def address(url: str) -> str:
    """`url` as it is remembered; Trouble when it is no server's."""
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise Trouble(f"'{url}' is no server's address. Write https://HOST or http://HOST:PORT.", BAD_USAGE)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def read(home: Path) -> dict[str, Json]:
    """{address: what was kept}; empty when nobody has signed in anywhere."""
    try:
        found = json.loads((home / "logins.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Trouble(
            f"{home / 'logins.json'} cannot be read: {error}. Delete it and sign in again: penstock login"
        ) from None
    return found if isinstance(found, dict) else {}


def write(home: Path, entries: Mapping[str, Json]) -> None:
    """Keep these, readable by this user alone, whole or not at all."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = home / "logins.json"
    partial = home / f".logins.json.{os.getpid()}"
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(entries, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, file)


def token(home: Path, url: str) -> str | None:
    """A token for the server at `url`, from what was kept for it; None when nothing was."""
    entry = read(home).get(url.rstrip("/"))
    return token_of(url, entry) if entry else None


def token_of(url: str, entry: Json) -> str:
    """The token that an entry is good for; Trouble says why the server gives none."""
    if entry["kind"] == "token":
        return str(entry["token"])
    if entry["kind"] == "principal":
        fields = {"grant_type": "client_credentials", "scope": SCOPE}
        fields |= {"client_id": entry["client_id"], "client_secret": entry["client_secret"]}
    else:
        fields = {"grant_type": "refresh_token", "refresh_token": entry["refresh_token"], "client_id": "penstock"}
    status, answer = Client(Address.parse(url)).post_form(token_path(entry["tenant"]), fields)
    if status == 200 and answer.get("access_token"):
        return str(answer["access_token"])
    said = answer.get("error_description") or f"It answered with status {status}."
    raise Trouble(f"{url} lets nobody in: {said} Sign in again: penstock login {url}", FAILED, code="Unauthorized")


def token_path(tenant: str) -> str:
    return f"/{quote(tenant, safe='')}/oauth2/v2.0/token"
