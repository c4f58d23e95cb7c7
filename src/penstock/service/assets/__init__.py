"""What a workspace holds: computes, datastores, datasets, models, environments, secrets."""
