"""`penstock login | logout | whoami`: being somebody at a server on another machine."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from penstock.cli import logins, places
from penstock.cli.client import Address, Client
from penstock.cli.commands import home_option, json_option
from penstock.cli.printing import print_json
from penstock.cli.trouble import BAD_USAGE, NOT_THERE, NoServer, Trouble

Json = dict[str, Any]
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
PASSWORD = "PENSTOCK_PASSWORD"


@click.command()
@click.argument("url", required=False)
@click.option("--service-principal", is_flag=True, help="Sign in with a principal's secret, without a browser.")
@click.option("-u", "--username", metavar="ID", help="The principal's id or name.")
@click.option("-p", "--password", metavar="SECRET", help=f"Its secret. Default: {PASSWORD}, else read from stdin.")
@click.option("--tenant", default=logins.TENANT, show_default=True, help="Any: a server is one tenant.")
@click.option("--with-token", is_flag=True, help="Keep a token that is read from stdin, as the one in a server's home.")
@home_option
@json_option
def login(
    url: str | None,
    service_principal: bool,
    username: str | None,
    password: str | None,
    tenant: str,
    with_token: bool,
    home: str | None,
    as_json: bool,
) -> None:
    """Sign in at a server on another machine.

    Shows a code and the address of a page to type it in; scripts and notebooks of this home are then signed in there, too.
    What they need for it is kept in the home, in logins.json, readable by you alone.
    """
    at = places.place(home)
    server = logins.address(url or at.url or _which())
    if not Client(Address.parse(server)).answers():
        raise NoServer(
            f"No Penstock server answers at {server}. Look whether it runs, and whether the address is right."
        )
    if with_token:
        entry = {"kind": "token", "token": _from_stdin("the token")}
    elif service_principal or username or password:
        entry = {"kind": "principal", "tenant": tenant, **_principal(username, password)}
    else:
        entry = {"kind": "person", "tenant": tenant, "refresh_token": _by_device(server, tenant, as_json)}
    me = Client(Address.parse(server), logins.token_of(server, entry)).get("whoami")
    logins.write(at.home, {**logins.read(at.home), server: entry})
    if as_json:
        print_json({"url": server, **me})
        return
    click.echo(f"Signed in at {server} as {_described(me)}.")
    if server != at.url:
        click.echo(f'To use it: export PENSTOCK_URL={server} (or "penstock_url": "{server}" in config.json)')


@click.command()
@click.argument("url", required=False)
@click.option("--all", "everywhere", is_flag=True, help="At every server.")
@home_option
@json_option
def logout(url: str | None, everywhere: bool, home: str | None, as_json: bool) -> int:
    """Forget how to sign in at a server. Tokens that were given out are good for an hour at most."""
    at = places.place(home)
    kept = logins.read(at.home)
    gone = list(kept) if everywhere else [logins.address(url or at.url or _only(kept))]
    known = [server for server in gone if server in kept]
    if known:
        logins.write(at.home, {server: entry for server, entry in kept.items() if server not in gone})
    if as_json:
        print_json({"forgotten": known})
    else:
        click.echo("\n".join(f"Signed out of {server}." for server in known) or "Nobody was signed in there.")
    return 0 if known or everywhere else NOT_THERE


@click.command()
@home_option
@json_option
def whoami(home: str | None, as_json: bool) -> None:
    """Say who the server takes you for, and what you may do there."""
    at = places.place(home)
    client = places.server(at)
    me = client.get("whoami")
    if as_json:
        print_json({"url": at.url or client.get("server")["url"], **me})
        return
    click.echo(f"{_described(me)} at {at.url or client.get('server')['url']}")
    for place, role in me["roles"].items():
        click.echo(f"  {role:<12} {'everywhere' if place == '*' else f'workspace {place}'}")
    for published in me["published"]:
        click.echo(f"  {'submitter':<12} published {published}")


def _described(me: Json) -> str:
    return f"principal {me['name']}" if me["kind"] == "principal" else str(me["name"])


def _which() -> str:
    raise Trouble("At which server? Name it: penstock login https://HOST (or set PENSTOCK_URL).", BAD_USAGE)


def _only(kept: dict[str, Json]) -> str:
    if len(kept) == 1:
        return next(iter(kept))
    named = ", ".join(kept) or "none"
    raise Trouble(f"Of which server? You are signed in at: {named}. Name one, or --all.", BAD_USAGE)


def _principal(username: str | None, password: str | None) -> Json:
    if not username:
        raise Trouble("Which principal? Name it: penstock login URL --service-principal -u ID", BAD_USAGE)
    secret = password or os.environ.get(PASSWORD) or _from_stdin("the secret")
    return {"client_id": username, "client_secret": secret}


def _from_stdin(what: str) -> str:
    """One line of stdin; asked for without echo where a person sits at a terminal."""
    if sys.stdin.isatty():
        found = str(click.prompt(what.capitalize(), hide_input=True, err=True))
    else:
        found = sys.stdin.readline().strip()
    if not found:
        raise Trouble(f"There was nothing on stdin where {what} should be. Pipe it in, as one line.", BAD_USAGE)
    return found


def _by_device(server: str, tenant: str, as_json: bool) -> str:
    """The refresh token of a person who types in the code that is shown here."""
    client = Client(Address.parse(server))
    begun = _begun(client, server, tenant)
    if as_json:
        print_json({k: begun[k] for k in ("verification_uri", "verification_uri_complete", "user_code", "expires_in")})
    else:
        click.echo(f"Open {begun['verification_uri']} in a browser, and type in the code {begun['user_code']}")
    sys.stdout.flush()
    fields = {"grant_type": DEVICE, "device_code": begun["device_code"], "client_id": "penstock"}
    return _polled(lambda: client.post_form(logins.token_path(tenant), fields), begun)


def _begun(client: Client, server: str, tenant: str) -> Json:
    path = logins.token_path(tenant).replace("/token", "/devicecode")
    status, begun = client.post_form(path, {"client_id": f"penstock on {socket.gethostname()}", "scope": logins.SCOPE})
    if status != 200:
        said = begun.get("error_description") or f"it answered with status {status}"
        raise Trouble(f"{server} gives no code to sign in with: {said}")
    return begun


def _polled(ask: Callable[[], tuple[int, Json]], begun: Json) -> str:
    """Ask as often as the server likes, until somebody has decided."""
    interval, until = float(begun["interval"]), time.monotonic() + float(begun["expires_in"])
    while time.monotonic() < until:
        time.sleep(interval)
        status, answer = ask()
        if status == 200:
            return str(answer["refresh_token"])
        error = answer.get("error")
        if error == "slow_down":
            interval += 5
        elif error != "authorization_pending":
            raise Trouble(
                str(answer.get("error_description") or f"The server answered with status {status}."), code=str(error)
            )
    raise Trouble("Nobody typed in the code in time. Begin again: penstock login", code="expired_token")
