"""Floor 1: one file per step kind: settings and bindings in, a Job out. Pure."""
