"""Where a published pipeline or endpoint is called: the path that clients written for the original know, on our host."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

Json = dict[str, Any]
PREFIX = "/pipelines/v1.0"


def endpoint_url(base: str, space: Json, tail: str) -> str:
    """The URL of `tail` below the pipeline runs of a workspace.

    Known samples make other URLs of it by cutting it at its first "Id", so no name before that may hold these letters.
    """
    names = (space["subscription_id"], space["resource_group"], space["name"])
    subscription, group, workspace = (quote(str(n) or "-", safe="").replace("Id", "%49d") for n in names)
    return (
        f"{base}{PREFIX}/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace}/PipelineRuns/{tail}"
    )
