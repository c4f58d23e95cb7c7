"""What AutoML can do. Penstock searches no models yet, so there is nothing to list."""


def get_primary_metrics(task):
    return []
