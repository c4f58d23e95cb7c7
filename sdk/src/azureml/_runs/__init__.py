"""What runs are made of, apart from the public classes: logging, files, metrics, waiting. Imported by azureml.core.run."""
