"""Code that signs in as v1 code does, with a service principal, on an embedded server: it may what its principal may, and no more."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from azureml._client.client import Client
from azureml._client.tokens import NEVER, expiry_of
from azureml.core import Experiment, Workspace
from azureml.core import authentication as ways
from azureml.exceptions import AuthenticationException, UserErrorException


def made(name: str, role: str | None = "reader", workspace: str = "ws") -> tuple[str, str]:
    """The id and the secret of a new principal."""
    body = {"name": name, **({"role": role, "workspace": workspace} if role else {})}
    answer = Client().call("POST", "/principals", body)
    return answer["id"], answer["secret"]


def signed_in(name: str, role: str | None = "reader") -> ways.ServicePrincipalAuthentication:
    return ways.ServicePrincipalAuthentication("any-tenant", *made(name, role))


def test_a_workspace_calls_as_its_principal_and_others_as_the_owner(module_workspace: Workspace) -> None:
    reader = Workspace.get("ws", auth=signed_in("looks"))
    assert reader.experiments == {}
    with pytest.raises(
        UserErrorException, match=r"Principal 'looks' may not do this on workspace 'ws': .* role submitter"
    ):
        Experiment(reader, "e")
    Experiment(module_workspace, "e")  # the same process, without auth: the owner
    assert list(reader.experiments) == ["e"]
    submitter = Workspace("s", "g", "ws", auth=signed_in("submits", "submitter"))
    run = Experiment(submitter, "e").start_logging()
    run.log("loss", 1)
    run.complete()
    assert run.get_metrics() == {"loss": 1}


def test_from_config_signs_in_too(module_workspace: Workspace, tmp_path: Path) -> None:
    module_workspace.write_config(str(tmp_path))
    signed = Workspace.from_config(str(tmp_path), auth=signed_in("configured"))
    with pytest.raises(UserErrorException, match="Principal 'configured' may not"):
        signed.set_default_datastore("workspaceblobstore")
    assert Workspace.list(None, auth=signed_in("nobody-here", None)) == {}
    assert list(Workspace.list(None, auth=signed._auth)) == ["ws"]


def test_a_token_is_got_once_and_says_when_it_expires(module_workspace: Workspace) -> None:
    way = signed_in("cached")
    first = way.get_token("https://management.azure.com/.default")
    assert abs(first.expires_on - time.time() - 3600) < 30 and abs(expiry_of(first.token) - first.expires_on) <= 2
    assert way.get_token().token == first.token
    assert way.get_authentication_header() == {"Authorization": "Bearer " + first.token}
    assert way.signed_session().headers["Authorization"] == "Bearer " + first.token
    known = way.__dict__["_known_tokens"]
    (place,) = known
    known[place] = first._replace(expires_on=int(time.time()) + 60)
    renewed = way.get_token()
    assert renewed.expires_on > time.time() + 3000
    copied = copy.deepcopy(way)
    assert "_known_tokens" not in copied.__dict__ and copied.get_token().token


def test_who_is_refused_is_told_why_in_a_sentence(module_workspace: Workspace) -> None:
    name, secret = made("wrong")
    for way, said in (
        (
            ways.ServicePrincipalAuthentication("t", "stranger", "x"),
            r"Service principal 'stranger' could not sign in at .*: There is no principal 'stranger' here. Make one:",
        ),
        (ways.ServicePrincipalAuthentication("t", name, "x"), "The secret is not that of principal 'wrong'."),
        (ways.ServicePrincipalAuthentication("a tenant?", name, secret), "The tenant in the path is not one."),
    ):
        for ask in (way.get_authentication_header, lambda way=way: Workspace.get("ws", auth=way)):
            with pytest.raises(AuthenticationException, match=said) as caught:
                ask()
            assert "\n" not in caught.value.message
    Client().call("PUT", "/principals/wrong", {"enabled": False})
    with pytest.raises(AuthenticationException, match="Principal 'wrong' is disabled"):
        Workspace.get("ws", auth=ways.ServicePrincipalAuthentication("t", name, secret))
    for empty in (("t", "", "x"), ("t", "x", None)):
        with pytest.raises(AuthenticationException, match="penstock principal create"):
            ways.ServicePrincipalAuthentication(*empty)
    with pytest.raises(UserErrorException, match="auth is 'x', which does not say how to sign in"):
        Workspace("s", "g", "ws", auth="x")


def test_tokens_that_the_caller_has_are_shown_as_they_are(module_workspace: Workspace) -> None:
    token = signed_in("bearer").get_token().token
    asked = []

    def given(audience: str) -> str:
        asked.append(audience)
        return token

    for way in (
        ways.TokenAuthentication(given),
        ways.ArmTokenAuthentication(token),
        ways.AzureMLTokenAuthentication(token),
    ):
        signed = Workspace.get("ws", auth=way)
        with pytest.raises(UserErrorException, match="Principal 'bearer' may not"):
            signed.set_default_datastore("workspaceblobstore")
    assert set(asked) == {ways.Audience.ARM} and ways.TokenAuthentication(given).get_token(ways.Audience.ARM) == token
    arm = ways.ArmTokenAuthentication(token)
    assert (
        arm.get_token().expires_on == expiry_of(token)
        and ways.ArmTokenAuthentication("a").get_token().expires_on == NEVER
    )
    arm.update_arm_access_token("eyJhbGciOiJub25lIn0.e30.")
    with pytest.raises(AuthenticationException, match="The token is not one of this server's"):
        Workspace.get("ws", auth=arm)
    with pytest.raises(AuthenticationException, match="get_token_for_audience gave None, which is no token"):
        Workspace.get("ws", auth=ways.TokenAuthentication(lambda audience: None))


def test_over_tcp_the_owner_and_principals_sign_in_and_proxies_are_left_out(
    module_workspace: Workspace, tmp_path: Path
) -> None:
    """Another process, that is given the address alone; its proxy leads nowhere."""
    url = module_workspace._client.url
    client_id, secret = made("afar", "submitter")
    (tmp_path / "config.json").write_text(
        json.dumps({"subscription_id": "s", "resource_group": "g", "workspace_name": "ws", "penstock_url": url + "/"})
    )
    code = """
import os, sys
from azureml.core import Workspace, Experiment
from azureml.core.authentication import InteractiveLoginAuthentication, ServicePrincipalAuthentication
ws = Workspace.from_config()
assert ws._client.is_remote and ws._client.address == sys.argv[1], ws._client.address
header = InteractiveLoginAuthentication().get_authentication_header()
assert header == {"Authorization": "Bearer " + open(os.path.join(os.environ["PENSTOCK_HOME"], "token")).read().strip()}
signed = Workspace.from_config(auth=ServicePrincipalAuthentication("t", *sys.argv[2:4]))
run = Experiment(signed, "afar").start_logging(); run.log("x", 1); run.complete()
try:
    signed.set_default_datastore("workspaceblobstore")
except Exception as error:
    print(error.message)
ws.set_default_datastore("workspaceblobstore")
import mlflow
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
print(mlflow.get_experiment_by_name("afar").name)
signed.write_config(".")
"""
    nowhere = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-c", code, url, client_id, secret],
        cwd=tmp_path,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Principal 'afar' may not do this on workspace 'ws'" in done.stdout and done.stdout.split()[-1] == "afar"
    assert json.loads((tmp_path / ".azureml" / "config.json").read_text())["penstock_url"] == url


def test_an_address_that_is_none_says_where_it_was_read(module_workspace: Workspace, tmp_path: Path) -> None:
    named = {"subscription_id": "s", "resource_group": "g", "workspace_name": "ws"}
    (tmp_path / "config.json").write_text(json.dumps({**named, "penstock_url": "penstock.example"}))
    with pytest.raises(UserErrorException, match=r"penstock_url in .*config.json is 'penstock.example', which is no"):
        Workspace.from_config(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({**named, "penstock_url": "http://127.0.0.1:9"}))
    with pytest.raises(
        Exception, match=r"answers at http://127.0.0.1:9 \(penstock_url in config.json\).*take penstock_url out"
    ):
        Workspace.from_config(str(tmp_path))


def test_a_step_shows_the_token_of_its_run(module_workspace: Workspace, tmp_path: Path) -> None:
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.steps import PythonScriptStep

    (tmp_path / "a.py").write_text(
        "import os\n"
        "from azureml.core.authentication import InteractiveLoginAuthentication, MsiAuthentication\n"
        "for way in (MsiAuthentication(), InteractiveLoginAuthentication()):\n"
        "    assert way.get_token().token == os.environ['AZUREML_RUN_TOKEN'], way\n"
        "assert way.get_token().expires_on == int(os.environ['AZUREML_RUN_TOKEN_EXPIRY'])\n"
    )
    step = PythonScriptStep("a.py", compute_target="local", source_directory=str(tmp_path), allow_reuse=False)
    run = Experiment(module_workspace, "steps").submit(Pipeline(module_workspace, [step]))
    assert run.wait_for_completion(show_output=False) == "Finished"
