"""Our runs as an MLflow client sees them."""
