"""Keyvault and run.get_secret, against a real server; what lies on the disk and what TCP callers see."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.exceptions import UserErrorException
from penstock.model.errors import CannotServe
from penstock.service.assets.seal import is_sealed, seal, unseal

VALUE = "s3cr3t-pässword"


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


def test_secrets_are_set_read_listed_and_deleted(ws: Workspace) -> None:
    vault = ws.get_default_keyvault()
    vault.set_secret("db-password", VALUE, content_type="text/plain")
    vault.set_secrets({"one": "1", "two": ""})
    assert vault.get_secret("db-password") == VALUE
    assert vault.get_secret_content_type("db-password") == "text/plain"
    assert vault.get_secrets(["one", "two", "none"]) == {"one": "1", "two": "", "none": None}
    vault.set_secret("one", "again")
    assert vault.get_secret("one") == "again"
    assert vault.list_secrets() == [
        {"name": "db-password", "contentType": "text/plain"},
        {"name": "one", "contentType": None},
        {"name": "two", "contentType": None},
    ]
    vault.delete_secrets(["one", "two"])
    vault.delete_secret("one")
    assert [s["name"] for s in vault.list_secrets()] == ["db-password"]
    assert VALUE not in repr(vault) + str(vault.list_secrets())
    with pytest.raises(UserErrorException, match=r"There is no secret 'one' in workspace 'ws'"):
        vault.get_secret("one")


@pytest.mark.parametrize("name", ["", "a b", "a_b", "a/b", "..", "x" * 128, None])
def test_a_secret_by_an_invalid_name_is_refused(ws: Workspace, name: str | None) -> None:
    with pytest.raises(UserErrorException, match="secret"):
        ws.get_default_keyvault().set_secret(name, "v")


def test_a_value_that_is_no_text_is_refused_without_telling_it(ws: Workspace) -> None:
    with pytest.raises(UserErrorException, match="is a bytes") as told:
        ws.get_default_keyvault().set_secret("x", VALUE.encode())
    assert "s3cr3t" not in str(told.value)


def test_a_step_reads_secrets_of_its_workspace(ws: Workspace, tmp_path: Path, module_home: Path) -> None:
    ws.get_default_keyvault().set_secret("db-password", VALUE)
    (tmp_path / "script.py").write_text(
        "from azureml.core import Run\n"
        "run = Run.get_context()\n"
        "run.log('length', len(run.get_secret('db-password')))\n"
        "run.log_list('known', sorted(k for k, v in run.get_secrets(['db-password', 'none']).items() if v))\n"
    )
    run = Experiment(ws, "secret").submit(ScriptRunConfig(str(tmp_path), "script.py"))
    run.wait_for_completion()
    assert run.get_metrics() == {"length": len(VALUE), "known": "db-password"}
    holding = [p for p in module_home.rglob("*") if p.is_file() and VALUE.encode() in p.read_bytes()]
    assert holding == [], "a secret's value lies nowhere in the home as it is"


def test_a_backup_holds_no_secret_as_it_is(ws: Workspace, module_home: Path, tmp_path: Path) -> None:
    import tarfile

    from penstock.service.care.backup import back_up

    ws.get_default_keyvault().set_secret("db-password", VALUE)
    back_up(module_home, tmp_path / "b.tgz", "1", 0.0)
    with tarfile.open(tmp_path / "b.tgz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            assert file is None or VALUE.encode() not in file.read(), member.name


def test_over_tcp_a_secret_takes_the_token(ws: Workspace, module_home: Path) -> None:
    ws.get_default_keyvault().set_secret("db-password", VALUE)
    record = json.loads((module_home / "server.json").read_text())

    def get(headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(record["url"]).netloc, timeout=30)
        connection.request("GET", "/api/v1/ws/ws/secrets/db-password", headers=headers)
        with connection.getresponse() as answer:
            found = answer.status, answer.read()
        connection.close()
        return found

    status, content = get({})
    assert status == 401 and VALUE.encode() not in content
    status, content = get({"Authorization": "Bearer " + (module_home / "token").read_text().strip()})
    assert status == 200 and json.loads(content)["value"] == VALUE


def test_what_is_sealed_opens_with_its_key_and_at_its_place_alone() -> None:
    sealed = seal(b"k" * 32, "place", VALUE)
    assert is_sealed(sealed) and not is_sealed(VALUE) and VALUE not in sealed
    assert seal(b"k" * 32, "place", VALUE) != sealed, "the same text is never sealed to the same bytes"
    assert unseal(b"k" * 32, "place", sealed) == VALUE
    for key, label, text in (
        (b"x" * 32, "place", sealed),
        (b"k" * 32, "other", sealed),
        (b"k" * 32, "place", sealed[:-8]),
    ):
        with pytest.raises(CannotServe, match="cannot be read with this home's key"):
            unseal(key, label, text)
