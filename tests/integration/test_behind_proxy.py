"""A server behind nginx, set up as examples/proxy/nginx.conf says: signing in, logs line by line, large bodies, who called, which name."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from conftest import IN_CI, ROOT, fresh_home
from integration.certificates import Authority
from integration.served import Client, node, serve, wait_for, wait_until_served

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def nginx() -> str:
    found = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        message = "No nginx here: apt-get install nginx."
        if IN_CI:
            pytest.fail(message)
        pytest.skip(f"A SERVER BEHIND A PROXY WAS NOT TESTED. {message}")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configured(folder: Path, example: str, names: dict[str, str]) -> Path:
    """The example with this machine's own names, and what nginx needs to run as anybody in a folder of its own."""
    for old, new in names.items():
        assert old in example, old
        example = example.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    file = folder / "nginx.conf"
    file.write_text(
        f"pid {folder / 'pid'};\nerror_log {folder / 'error.log'};\ndaemon off;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}\n{example}\n}}\n"
    )
    return file


class Proxied:
    """What is reached through nginx, as anybody elsewhere sees it."""

    def __init__(self, home: Path, port: int, ca: Path) -> None:
        self.home, self.port, self.ca, self.client = home, port, ca, Client(home)
        self.url = f"https://localhost:{port}"
        self.made = self.client("POST", "/principals", {"name": "ada", "role": "contributor", "workspace": "w"})[1]

    def ask(self, method: str, path: str, body: object = None, source: str = "127.0.0.1", **headers: str) -> tuple:
        connection = http.client.HTTPSConnection(
            "localhost",
            self.port,
            timeout=30,
            source_address=(source, 0),
            context=ssl.create_default_context(cafile=str(self.ca)),
        )
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()

    def token(self) -> str:
        form = {"grant_type": "client_credentials", "client_id": "ada", "client_secret": self.made["secret"]}
        body = urlencode({**form, "scope": "https://management.azure.com/.default"})
        status, answer, _ = self.ask("POST", "/t/oauth2/v2.0/token", body, **FORM)
        assert status == 200, answer
        return str(json.loads(answer)["access_token"])


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    program = nginx()
    folder = tmp_path_factory.mktemp("nginx")
    authority = Authority(folder)
    certificate, key = authority.certificate("localhost", "127.0.0.1")
    port = free_port()
    with fresh_home() as home:
        first = serve(home)
        wait_until_served(home, first)("POST", "/principals", {"name": "first"})
        first.terminate()
        first.wait(30)
        process = serve(home, PENSTOCK_PUBLIC_URL=f"https://localhost:{port}")
        wait_until_served(home, process)
        inner = json.loads((home / "home.json").read_text())["port"]
        names = {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "server_name penstock.example": "server_name localhost",
            "/etc/ssl/penstock/certificate.pem": str(certificate),
            "/etc/ssl/penstock/key.pem": str(key),
            "http://127.0.0.1:25292": f"http://127.0.0.1:{inner}",
        }
        file = configured(folder, (ROOT / "examples/proxy/nginx.conf").read_text(), names)
        with open(folder / "said", "wb") as said:
            proxy = subprocess.Popen([program, "-c", str(file), "-p", str(folder)], stdout=said, stderr=said)
        made = Proxied(home, port, authority.path)
        wait_for(lambda: listens(port) or proxy.poll() is not None)
        assert proxy.poll() is None, (folder / "said").read_text()
        yield made
        for started in (proxy, process):
            started.terminate()
            started.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_server_calls_itself_by_the_proxys_name(proxied: Proxied) -> None:
    token = {"Authorization": f"Bearer {proxied.token()}"}
    status, answer, _ = proxied.ask("GET", "/api/v1/server", **token)
    assert status == 200 and json.loads(answer)["url"] == proxied.url
    found = json.loads(proxied.ask("GET", "/t/v2.0/.well-known/openid-configuration")[1])
    assert found["token_endpoint"] == f"{proxied.url}/t/oauth2/v2.0/token"
    status, _, headers = proxied.ask("GET", "/runs", Accept="text/html")
    assert status == 303 and headers["location"] == "/signin?to=%2Fruns"
    fields = urlencode({"name": "ada", "secret": proxied.made["secret"], "to": "/"})
    status, _, headers = proxied.ask("POST", "/signin", fields, **FORM, Origin=proxied.url)
    assert status == 303 and "Secure" in headers["set-cookie"]
    assert proxied.ask("GET", "/", Accept="text/html", Cookie=headers["set-cookie"].partition(";")[0])[0] == 200
    assert proxied.ask("POST", "/signin", fields, **FORM, Origin="https://evil.example")[0] == 403


def test_another_name_is_refused_behind_the_proxy_too(proxied: Proxied) -> None:
    token = {"Authorization": f"Bearer {proxied.token()}"}
    status, answer, _ = proxied.ask("GET", "/api/v1/server", **token, Host="evil.example")
    assert status == 400 and b"The Host header is 'evil.example'" in answer


def test_the_audit_log_names_who_called_the_proxy(proxied: Proxied) -> None:
    token = {"Authorization": f"Bearer {proxied.token()}", "Content-Type": "application/json"}
    forged = {"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "http"}
    status, _, _ = proxied.ask("PUT", "/api/v1/ws/w/computes/far", b"{}", "127.0.0.2", **token, **forged)
    assert status == 200
    line = next(a for a in proxied.client("GET", "/audit?limit=20")[1]["value"] if a["path"].endswith("computes/far"))
    assert (line["from"], line["who"]["name"], line["status"]) == ("127.0.0.2", "ada", 200)


def test_logs_come_line_by_line_and_large_bodies_pass(proxied: Proxied, tmp_path: Path) -> None:
    """A line is read while the script that wrote it waits for the reader."""
    token = {"Authorization": f"Bearer {proxied.token()}"}
    go = tmp_path / "go"
    script = f"import os, time\nprint('first', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
    proxied.client("PUT", "/ws/w/computes/cluster", {"settings": {}})
    run = proxied.client.submit([node(proxied.client.snapshot(a__py=script.encode()), outputs=[])])[1]["run"]["id"]
    connection = http.client.HTTPSConnection(
        "localhost", proxied.port, timeout=30, context=ssl.create_default_context(cafile=str(proxied.ca))
    )
    connection.request("GET", f"/api/v1/ws/w/runs/{run}/stream?logs=1", headers=token)
    lines = connection.getresponse()
    for line in lines:
        if b"first" in line:
            break
    go.touch()
    assert any(b'"completed"' in line for line in lines)
    connection.close()
    large = os.urandom(4 << 20)
    path = f"/api/v1/ws/w/runs/{run}/files/large.bin"
    assert proxied.ask("PUT", path, large, **token)[0] in (200, 201, 204)
    assert proxied.ask("GET", path, **token)[1] == large


def test_the_sdk_and_the_command_line_work_through_the_proxy(proxied: Proxied, tmp_path: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
    env = {**kept, "PENSTOCK_HOME": str(tmp_path / "home"), "SSL_CERT_FILE": str(proxied.ca)}
    env |= {"PENSTOCK_PASSWORD": proxied.made["secret"]}
    login = [sys.executable, "-m", "penstock", "login", proxied.url, "--service-principal", "-u", "ada"]
    subprocess.run(login, env=env, check=True, capture_output=True, timeout=60)
    config = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w", "penstock_url": proxied.url}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.py").write_text("print('far away')\n")
    code = (
        "from azureml.core import Workspace, Experiment\nfrom azureml.pipeline.core import Pipeline\n"
        "from azureml.pipeline.steps import PythonScriptStep\n"
        "ws = Workspace.from_config()\n"
        "step = PythonScriptStep('a.py', compute_target='local', source_directory='source', allow_reuse=False)\n"
        "run = Experiment(ws, 'proxied').submit(Pipeline(ws, [step]))\n"
        "run.wait_for_completion(show_output=True)\nprint(run.get_portal_url())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "far away" in done.stdout and done.stdout.splitlines()[-1].startswith(proxied.url + "/")
