"""Clients that we did not write get tokens from a server with TLS and call it with them: Authlib, requests-oauthlib, MSAL, requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from conftest import fresh_home
from integration.certificates import Authority
from integration.served import Client, serve, wait_until_served

RESOURCE = "https://management.azure.com/"
SCOPE = RESOURCE + ".default"
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"


class Secured:
    """A server with a certificate of the test's own authority, and a principal of it."""

    def __init__(self, home: Path, ca: Path) -> None:
        self.home, self.ca, self.client = home, ca, Client(home)
        self.url = self.client.record()["url"]
        body = {"name": "pipeline-caller", "role": "submitter", "workspace": "w"}
        made = self.client("POST", "/principals", body)[1]
        self.id, self.secret = made["id"], made["secret"]
        self.runs = f"{self.url}/api/v1/ws/w/runs"
        self.v1, self.v2 = (f"{self.url}/{TENANT}/oauth2/{version}token" for version in ("", "v2.0/"))

    def get(self, token: str) -> int:
        return requests.get(self.runs, headers={"Authorization": f"Bearer {token}"}, verify=str(self.ca)).status_code


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    certificate, key = authority.certificate("127.0.0.1", "localhost")
    with fresh_home() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))  # one that is set goes before a session's own `verify`
        process = serve(home, PENSTOCK_TLS_CERT=str(certificate), PENSTOCK_TLS_KEY=str(key))
        wait_until_served(home, process)
        yield Secured(home, authority.path)
        process.terminate()
        process.wait(30)


def test_authlib_gets_a_token_from_both_endpoints(secured: Secured) -> None:
    from authlib.integrations.requests_client import OAuth2Session

    for endpoint, more in ((secured.v1, {"resource": RESOURCE}), (secured.v2, {"scope": SCOPE})):
        for method in ("client_secret_post", "client_secret_basic"):
            with OAuth2Session(secured.id, secured.secret, token_endpoint_auth_method=method) as session:
                session.verify = str(secured.ca)
                token = session.fetch_token(endpoint, grant_type="client_credentials", **more)
                assert token["token_type"] == "Bearer" and int(token["expires_in"]) == 3600
                assert session.get(secured.runs).status_code == 200
                with pytest.raises(Exception, match="invalid_client"):
                    OAuth2Session(secured.id, "wrong", verify=str(secured.ca)).fetch_token(
                        endpoint, grant_type="client_credentials", verify=str(secured.ca), **more
                    )


@pytest.mark.parametrize(
    "resource",
    [
        "https://management.azure.com/",
        "https://management.azure.com",
        "https://management.core.windows.net/",
        "https://ml.azure.com",
        "https://aml.azureml.net",
    ],
)
def test_a_token_is_given_for_whatever_existing_clients_ask_one_for(secured: Secured, resource: str) -> None:
    form = {"grant_type": "client_credentials", "client_id": secured.id, "client_secret": secured.secret}
    scope = resource + "/.default"  # after a resource that ends in a slash, too, as ADAL's users write it
    for endpoint, more in ((secured.v1, {"resource": resource}), (secured.v2, {"scope": scope})):
        answer = requests.post(endpoint, {**form, **more}, verify=str(secured.ca))
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store" and int(answer.json()["expires_in"]) == 3600
        assert secured.get(answer.json()["access_token"]) == 200
    for endpoint, more in ((secured.v1, {"resource": resource + "x"}), (secured.v2, {"scope": scope + " User.Read"})):
        answer = requests.post(endpoint, {**form, **more}, verify=str(secured.ca))
        assert answer.status_code == 400 and answer.json()["error"] in ("invalid_resource", "invalid_scope")


def test_requests_oauthlib_gets_a_token_from_both_endpoints(secured: Secured) -> None:
    from oauthlib.oauth2 import BackendApplicationClient
    from requests_oauthlib import OAuth2Session

    for endpoint, more in ((secured.v1, {"resource": RESOURCE}), (secured.v2, {"scope": [SCOPE]})):
        with OAuth2Session(client=BackendApplicationClient(client_id=secured.id)) as session:
            session.verify = str(secured.ca)
            token = session.fetch_token(
                endpoint, client_secret=secured.secret, include_client_id=True, verify=str(secured.ca), **more
            )
            assert token["access_token"] and session.get(secured.runs).status_code == 200


def test_msal_takes_this_server_for_an_authority(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    import msal

    for named in (
        {"authority": f"{secured.url}/{TENANT}", "instance_discovery": False},
        {"oidc_authority": f"{secured.url}/{TENANT}"},
    ):
        app = msal.ConfidentialClientApplication(
            secured.id, client_credential=secured.secret, verify=str(secured.ca), **named
        )
        got = app.acquire_token_for_client([SCOPE])
        assert "access_token" in got and secured.get(got["access_token"]) == 200, got
        assert app.acquire_token_for_client([SCOPE])["token_source"] == "cache"
    wrong = msal.ConfidentialClientApplication(
        secured.id,
        client_credential="wrong",
        verify=str(secured.ca),
        authority=f"{secured.url}/{TENANT}",
        instance_discovery=False,
    )
    assert wrong.acquire_token_for_client([SCOPE])["error"] == "invalid_client"


def test_msal_signs_a_person_in_by_a_code(secured: Secured) -> None:
    import msal

    app = msal.PublicClientApplication(
        "a program", verify=str(secured.ca), authority=f"{secured.url}/{TENANT}", instance_discovery=False
    )
    flow = app.initiate_device_flow([SCOPE])
    assert flow["verification_uri"] == f"{secured.url}/device" and flow["user_code"] in flow["message"]
    person = requests.Session()
    person.verify, person.headers["Origin"] = str(secured.ca), secured.url
    page = person.post(f"{secured.url}/signin", {"name": secured.id, "secret": secured.secret, "to": "/"})
    assert page.status_code == 200 and all(cookie.secure for cookie in person.cookies)
    key = page.text.partition('name="form_key" value="')[2].partition('"')[0]
    allowed = {"user_code": flow["user_code"], "decision": "allow", "form_key": key}
    assert "is signed in" in person.post(f"{secured.url}/device", allowed).text
    got = app.acquire_token_by_device_flow(flow)
    assert "access_token" in got and secured.get(got["access_token"]) == 200, got


def test_the_sdk_and_the_command_line_trust_a_named_authority_and_no_other(secured: Secured, tmp_path: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PENSTOCK_", "SSL_"))}
    env = {**kept, "PENSTOCK_HOME": str(tmp_path / "home"), "PENSTOCK_URL": secured.url}
    code = (
        "import sys\nfrom azureml.core import Workspace, Experiment\n"
        "from azureml.core.authentication import ServicePrincipalAuthentication\n"
        "ws = Workspace.get('w', auth=ServicePrincipalAuthentication('t', *sys.argv[1:]))\n"
        "run = Experiment(ws, 'secured').start_logging(); run.log('x', 1); run.complete(); print(run.get_metrics())\n"
    )

    def ran(*argv: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *argv], env={**env, **more}, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    trusted = {"SSL_CERT_FILE": str(secured.ca)}
    done = ran("-c", code, secured.id, secured.secret, **trusted)
    assert done.stdout == "{'x': 1}\n", done.stderr
    done = ran("-c", code, secured.id, secured.secret)
    assert "is not trusted" in done.stderr and "SSL_CERT_FILE" in done.stderr
    login = ("-m", "penstock", "login", "--service-principal", "-u", secured.id, "-p", secured.secret)
    assert "as principal pipeline-caller" in ran(*login, **trusted).stdout
    assert json.loads(ran("-m", "penstock", "whoami", "--json", **trusted).stdout)["name"] == "pipeline-caller"
    done = ran("-m", "penstock", "whoami")
    assert done.returncode == 3 and "is not trusted" in done.stderr and "SSL_CERT_FILE" in done.stderr


def test_keys_and_endpoints_are_found_where_clients_look(secured: Secured) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    for version in ("", "v2.0/"):
        found = requests.get(
            f"{secured.url}/{TENANT}/{version}.well-known/openid-configuration", verify=str(secured.ca)
        ).json()
        assert found["issuer"] == f"{secured.url}/{TENANT}/"
        form = {"grant_type": "client_credentials", "client_id": secured.id, "client_secret": secured.secret}
        more = {"scope": SCOPE} if version else {"resource": RESOURCE}
        answer = requests.post(found["token_endpoint"], {**form, **more}, verify=str(secured.ca)).json()
        keys = requests.get(found["jwks_uri"], verify=str(secured.ca)).json()
        claims = jwt.decode(answer["access_token"], KeySet.import_key_set(keys), algorithms=["RS256"]).claims
        assert (claims["iss"], claims["tid"], claims["aud"]) == (found["issuer"], TENANT, RESOURCE)
