"""Pipelines: `core` has the graph's parts, `steps` the kinds of step."""
