"""The tables of what is started by id or name: published pipelines, endpoints over them, and what authors keep to use again."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from penstock.store.dialect import Big, name_type
from penstock.store.tables import metadata

# All but `status` is written once: what runs under an id is the same for good.
published_pipeline = Table(
    "published_pipeline",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("id", name_type(36), nullable=False, unique=True),
    Column("workspace", name_type(255), ForeignKey("workspace.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("version", Text),
    Column("status", name_type(16), nullable=False),
    Column("graph", Text, nullable=False),
    Column("graph_id", name_type(36), nullable=False),
    Column("n_steps", Integer, nullable=False),
    Column("interpreter", Text, nullable=False),
    Column("continue_on_failure", Integer),
    Column("published_by", name_type(255)),
    Column("created_at", Float, nullable=False),
    CheckConstraint("status IN ('Active', 'Deprecated', 'Disabled')", name="status"),
    Index(None, "workspace", "number"),
    Index(None, "status"),
    sqlite_autoincrement=True,
)

pipeline_endpoint = Table(
    "pipeline_endpoint",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("id", name_type(36), nullable=False, unique=True),
    Column("workspace", name_type(255), ForeignKey("workspace.name"), nullable=False),
    Column("name", name_type(255), nullable=False),
    Column("description", Text),
    Column("status", name_type(16), nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    CheckConstraint("status IN ('Active', 'Archived', 'Disabled')", name="status"),
    UniqueConstraint("workspace", "name"),
    Index(None, "workspace", "number"),
    sqlite_autoincrement=True,
)

pipeline_endpoint_version = Table(
    "pipeline_endpoint_version",
    metadata,
    Column("endpoint_id", name_type(36), ForeignKey("pipeline_endpoint.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("pipeline_id", name_type(36), ForeignKey("published_pipeline.id"), nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("endpoint_id", "pipeline_id"),
)

# Drafts of pipelines, modules, their versions and types of data: what the author's side wrote, under an id.
authored = Table(
    "authored",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("id", name_type(36), nullable=False, unique=True),
    Column("workspace", name_type(255), ForeignKey("workspace.name"), nullable=False),
    Column("kind", name_type(16), nullable=False),
    Column("parent_id", name_type(36)),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    CheckConstraint("kind IN ('data_type', 'draft', 'module', 'module_version')", name="kind"),
    Index(None, "workspace", "kind", "number"),
    Index(None, "parent_id"),
    sqlite_autoincrement=True,
)
