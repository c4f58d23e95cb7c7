"""All tables together, for what makes or compares a whole database."""

from penstock.store import tables, tables_identity, tables_published

metadata = tables.metadata
assert tables_published.published_pipeline.metadata is metadata
assert tables_identity.principal.metadata is metadata
