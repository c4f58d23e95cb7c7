"""Where an MLflow client finds a workspace's runs, and what it shows there."""

import os

_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


def tracking_uri(workspace):
    """The address; MLFLOW_TRACKING_TOKEN is set in this process, and an address of this machine is kept from proxies."""
    from azureml._client.client import segment

    client = workspace._client
    url = client.url
    token = client.token()
    if token:
        os.environ["MLFLOW_TRACKING_TOKEN"] = token
    if url.startswith("http://127.0.0.1:") and any(os.environ.get(name) for name in _PROXIES):
        _keep_from_proxies("127.0.0.1")
    return "{}/mlflow/{}".format(url, segment(workspace.name))


def _keep_from_proxies(host):
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [h for h in os.environ.get(name, "").split(",") if h.strip()]
        if host not in hosts:
            os.environ[name] = ",".join(hosts + [host])
