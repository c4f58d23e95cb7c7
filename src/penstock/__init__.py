"""Penstock runs Azure Machine Learning pipelines (SDK v1) anywhere."""

__version__ = "0.1.0"
