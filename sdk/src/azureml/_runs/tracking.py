"""Where an MLflow client finds a workspace's runs, and what it shows there."""

import os


def tracking_uri(workspace):
    """The address; MLFLOW_TRACKING_TOKEN is set in this process."""
    from azureml._client.client import segment
    from azureml._client.home import home_path, token

    url = workspace._client.url
    bearer = token(home_path(), url)
    if bearer:
        os.environ["MLFLOW_TRACKING_TOKEN"] = bearer
    return "{}/mlflow/{}".format(url, segment(workspace.name))
