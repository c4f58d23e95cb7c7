"""Classes that the original shipped as contributions."""
