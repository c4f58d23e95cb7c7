"""What one pastes to run a published pipeline from elsewhere: curl, Python, PowerShell, GitHub Actions, Azure DevOps. Pure text."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_TEXT_OR_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\b(?:true|false|null)\b')
_WORDS = {"true": "True", "false": "False", "null": "None"}
_NO_PLAIN_YAML = re.compile(r": | #|[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Snippet:
    """One way to call; `id` is unique on its page."""

    id: str
    title: str
    text: str


def snippets(url: str, body: Json) -> tuple[Snippet, ...]:
    """How to submit the pipeline at `url` with this body. The token is in $PENSTOCK_TOKEN; a build signs in as a principal."""
    compact, pretty = json.dumps(body), json.dumps(body, indent=4)
    given = body.get("ParameterAssignments", {})
    options = "".join(f" -p {_shell(f'{name}={_text(value)}')}" for name, value in given.items())
    command = _yaml(f"penstock run submit-pipeline {_shell(url)} -e {body['ExperimentName']}{options} --wait")
    server = url.split("/pipelines/", 1)[0]
    return (
        Snippet("curl", "curl", _CURL.format(url=_shell(url), body=_shell(compact))),
        Snippet("python", "Python", _PYTHON.format(url=url, body=_python(pretty))),
        Snippet("powershell", "PowerShell", _POWERSHELL.format(url=url, body=pretty)),
        Snippet("github", "GitHub Actions", _GITHUB.format(command=command, server=server)),
        Snippet("devops", "Azure DevOps", _DEVOPS.format(command=command, server=server)),
    )


def _shell(text: str) -> str:
    return shlex.quote(text)


def _python(pretty: str) -> str:
    """JSON as Python has it; what stands within texts stays."""
    return _TEXT_OR_WORD.sub(lambda found: _WORDS.get(found[0], found[0]), pretty)


def _yaml(command: str) -> str:
    """A command as the value of a key: between quotes where it would be read as something else."""
    if not _NO_PLAIN_YAML.search(command):
        return command
    return re.sub(r"[\x7f-\x9f]", lambda found: f"\\x{ord(found[0]):02x}", json.dumps(command, ensure_ascii=False))


def _text(value: Any) -> str:
    """A value as scripts see it when it is the default."""
    return str(value) if isinstance(value, str | bool) else json.dumps(value)


_CURL = """curl -sS -X POST {url} \\
  -H "Authorization: Bearer $PENSTOCK_TOKEN" -H "Content-Type: application/json" \\
  -d {body}"""
_PYTHON = """import os, requests

response = requests.post(
    "{url}",
    headers={{"Authorization": "Bearer " + os.environ["PENSTOCK_TOKEN"]}},
    json={body},
)
response.raise_for_status()
print(response.json()["Id"])"""
_POWERSHELL = """$body = @'
{body}
'@
Invoke-RestMethod -Method Post -Uri "{url}" `
  -Headers @{{ Authorization = "Bearer $env:PENSTOCK_TOKEN" }} -ContentType "application/json" -Body $body"""
_GITHUB = """- run: pip install penstock
- run: penstock login {server} --service-principal -u "${{{{ vars.PENSTOCK_PRINCIPAL }}}}"
  env:
    PENSTOCK_PASSWORD: ${{{{ secrets.PENSTOCK_PASSWORD }}}}
- run: {command}"""
_DEVOPS = """- script: pip install penstock
- script: penstock login {server} --service-principal -u "$(PENSTOCK_PRINCIPAL)"
  env:
    PENSTOCK_PASSWORD: $(PENSTOCK_PASSWORD)
- script: {command}"""
