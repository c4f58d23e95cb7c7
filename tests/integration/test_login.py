"""`penstock login`, `whoami` and `logout` at a server on another machine, and the SDK that is signed in by them."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.test_permissions import Shared
from contract.test_permissions import shared as shared  # a server that others can reach
from integration.test_sign_in_pages import Browser

SECONDS = 60


class Elsewhere:
    """A home without a server, as on another machine."""

    def __init__(self, folder: Path, shared: Shared) -> None:
        self.folder, self.home, self.url = folder, folder / "home", f"http://{shared.host}"
        (folder / "folder").mkdir()

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
        nowhere = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
        return {**kept, **nowhere, "PENSTOCK_HOME": str(self.home), **more}

    def penstock(self, *arguments: str, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "penstock", *arguments],
            cwd=self.folder / "folder",
            env=self.environment(**environ),
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def sdk(self, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from azureml.core import Workspace\n" + code],
            cwd=self.folder / "folder",
            env=self.environment(**environ),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )


@pytest.fixture
def elsewhere(shared: Shared) -> Iterator[Elsewhere]:
    with tempfile.TemporaryDirectory(prefix="ps-") as folder:
        yield Elsewhere(Path(folder), shared)


def test_a_principal_signs_in_with_a_secret_from_stdin_or_the_environment(shared: Shared, elsewhere: Elsewhere) -> None:
    made = shared.made({"name": "ci", "role": "submitter", "workspace": "w"})
    login = ("login", elsewhere.url + "/", "--service-principal", "-u", "ci", "--tenant", "contoso")
    done = elsewhere.penstock(*login, given=made["secret"] + "\n")
    assert done.returncode == 0, done.stderr
    assert f"Signed in at {elsewhere.url} as principal ci." in done.stdout
    file = elsewhere.home / "logins.json"
    assert file.stat().st_mode & 0o777 == 0o600 and elsewhere.home.stat().st_mode & 0o777 == 0o700
    me = json.loads(elsewhere.penstock("whoami", "--json", PENSTOCK_URL=elsewhere.url).stdout)
    assert (me["kind"], me["name"], me["roles"], me["url"]) == ("principal", "ci", {"w": "submitter"}, elsewhere.url)
    code = "ws = Workspace.get('w'); print(ws.name, ws._client.call('GET', '/whoami')['name'])"
    assert elsewhere.sdk(code, PENSTOCK_URL=elsewhere.url).stdout.split() == ["w", "ci"]
    assert elsewhere.penstock("run", "list", PENSTOCK_URL=elsewhere.url).returncode == 0

    config = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w", "penstock_url": elsewhere.url}
    (elsewhere.folder / "folder" / "config.json").write_text(json.dumps(config))
    assert "principal ci at" in elsewhere.penstock("whoami").stdout
    assert elsewhere.sdk("print(Workspace.from_config().experiments is not None)").stdout.split() == ["True"]
    header = (
        "from azureml.core.authentication import AzureCliAuthentication as A; print(A().get_authentication_header())"
    )
    assert "Bearer ey" in elsewhere.sdk(header).stdout

    assert elsewhere.penstock("logout").stdout == f"Signed out of {elsewhere.url}.\n"
    assert elsewhere.penstock("logout", "--all").stdout == "Nobody was signed in there.\n"
    done = elsewhere.sdk("Workspace.from_config()")
    assert "AuthenticationException" in done.stderr and "This needs a token" in done.stderr
    assert elsewhere.penstock(*login, PENSTOCK_PASSWORD=made["secret"]).returncode == 0


def test_a_person_signs_in_by_a_code(shared: Shared, elsewhere: Elsewhere) -> None:
    made = shared.made({"name": "ada", "role": "contributor", "workspace": "w"})
    with subprocess.Popen(
        [sys.executable, "-m", "penstock", "login", elsewhere.url, "--json"],
        env=elsewhere.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stdout is not None
        shown = ""
        while not shown.rstrip().endswith("}"):
            shown += asking.stdout.readline()
        begun = json.loads(shown)
        browser = Browser(shared)
        browser.sign_in("ada", made["secret"])
        page = f"/device?user_code={begun['user_code']}"
        assert "<strong>penstock on " in browser.get(page)[1]
        fields = {"user_code": begun["user_code"], "decision": "allow", "form_key": browser.form_key(page)}
        browser.post("/device", fields)
        assert json.loads(asking.stdout.read())["name"] == "ada"
    assert asking.returncode == 0
    kept = (elsewhere.home / "logins.json").read_text()
    assert made["secret"] not in kept and "refresh_token" in kept
    assert elsewhere.sdk("print(Workspace.get('w').name)", PENSTOCK_URL=elsewhere.url).stdout.split() == ["w"]
    shared.client("PUT", "/principals/ada", {"enabled": False})
    done = elsewhere.sdk("Workspace.get('w')", PENSTOCK_URL=elsewhere.url)
    assert f"Sign in again: penstock login {elsewhere.url}" in done.stderr and "disabled" in done.stderr
    done = elsewhere.penstock("whoami", PENSTOCK_URL=elsewhere.url)
    assert done.returncode == 1 and "lets nobody in" in done.stderr and "Traceback" not in done.stderr


def test_the_owner_signs_in_with_the_homes_token(shared: Shared, elsewhere: Elsewhere) -> None:
    token = str(shared.tokens["owner of the home"])
    assert elsewhere.penstock("login", elsewhere.url, "--with-token", given=token).returncode == 0
    assert "the owner at" in elsewhere.penstock("whoami", PENSTOCK_URL=elsewhere.url).stdout


def test_a_homes_token_is_shown_to_its_own_server_alone(shared: Shared, elsewhere: Elsewhere) -> None:
    elsewhere.home.mkdir()
    (elsewhere.home / "token").write_text(str(shared.tokens["owner of the home"]))  # a token that would be let in
    done = elsewhere.penstock("whoami", PENSTOCK_URL=elsewhere.url)
    assert done.returncode == 1 and "This needs a token" in done.stderr
    assert "This needs a token" in elsewhere.sdk("Workspace.get('w')", PENSTOCK_URL=elsewhere.url).stderr
    token = str(shared.tokens["reader"])
    me = elsewhere.penstock("whoami", "--json", PENSTOCK_URL=elsewhere.url, PENSTOCK_TOKEN=token)
    assert json.loads(me.stdout)["name"] == "reader"


@pytest.mark.parametrize(
    ("arguments", "given", "status", "said"),
    [
        (("login",), "", 2, "At which server"),
        (("login", "penstock.example"), "", 2, "is no server's address. Write https://HOST"),
        (("login", "http://127.0.0.1:9"), "", 3, "No Penstock server answers at http://127.0.0.1:9"),
        (("login", "URL", "--service-principal"), "", 2, "Which principal?"),
        (("login", "URL", "-u", "x"), "", 2, "nothing on stdin where the secret"),
        (("login", "URL", "-u", "x"), "y", 1, "There is no principal 'x' here"),
        (("login", "URL", "--with-token"), "y", 1, "This needs a token"),
        (("logout",), "", 2, "You are signed in at: none"),
        (("whoami",), "", 3, "There is no Penstock home"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    elsewhere: Elsewhere, arguments: tuple[str, ...], given: str, status: int, said: str
) -> None:
    done = elsewhere.penstock(*(elsewhere.url if a == "URL" else a for a in arguments), given=given)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert not (elsewhere.home / "logins.json").exists()


ASKS = """
import sys
from azureml.core import Workspace
from azureml.core.authentication import InteractiveLoginAuthentication
ws = Workspace.get("w", auth=InteractiveLoginAuthentication())
print(ws._client.call("GET", "/whoami")["name"], InteractiveLoginAuthentication().get_authentication_header()["Authorization"][:9])
"""


def test_a_script_at_a_terminal_shows_a_code_once_and_one_without_a_terminal_never_asks(
    shared: Shared, elsewhere: Elsewhere
) -> None:
    made = shared.made({"name": "grace", "role": "reader", "workspace": "w"})
    done = elsewhere.sdk(ASKS, PENSTOCK_URL=elsewhere.url)
    assert "AuthenticationException" in done.stderr and "This needs a token" in done.stderr
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", ASKS],
        env=elsewhere.environment(PENSTOCK_URL=elsewhere.url),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as asking:
        os.close(theirs)
        shown = ""
        while not (
            found := re.search(
                r"open http://penstock\.example/device in a browser, and type in the code (\S+)\r\n", shown
            )
        ):
            shown += os.read(ours, 4096).decode()
        browser = Browser(shared)
        browser.sign_in("grace", made["secret"])
        page = f"/device?user_code={found[1]}"
        assert f"<strong>-c on {socket.gethostname()}</strong>" in browser.get(page)[1]
        browser.post("/device", {"user_code": found[1], "decision": "allow", "form_key": browser.form_key(page)})
        assert asking.stdout and asking.stdout.read() == "grace Bearer ey\n"
    os.close(ours)
    assert asking.returncode == 0
    kept = elsewhere.home / "logins.json"
    assert kept.stat().st_mode & 0o777 == 0o600 and made["secret"] not in kept.read_text()
    assert elsewhere.sdk(ASKS, PENSTOCK_URL=elsewhere.url).stdout == "grace Bearer ey\n", "it is signed in from now on"
    assert "principal grace at" in elsewhere.penstock("whoami", PENSTOCK_URL=elsewhere.url).stdout


def test_a_script_whose_code_is_refused_at_the_page_says_so(shared: Shared, elsewhere: Elsewhere) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", ASKS],
        env=elsewhere.environment(PENSTOCK_URL=elsewhere.url),
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as asking:
        os.close(theirs)
        shown = b""
        while not (found := re.search(rb"type in the code (\S+)\r\n", shown)):
            shown += os.read(ours, 4096)
        browser = Browser(shared)
        browser.sign_in("", str(shared.tokens["owner of the home"]))
        code = found[1].decode()
        fields = {"user_code": code, "decision": "deny", "form_key": browser.form_key(f"/device?user_code={code}")}
        browser.post("/device", fields)
        with contextlib.suppress(OSError):  # the last writer has closed it
            while more := os.read(ours, 4096):
                shown += more
    os.close(ours)
    assert asking.returncode == 1 and b"Nobody signed in at" in shown and b"penstock login" in shown
    assert not (elsewhere.home / "logins.json").exists()
