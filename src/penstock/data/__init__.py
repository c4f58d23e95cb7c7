"""Floor 2: bytes: datastores, snapshots, digests and manifests, tars in and out."""
