"""The tables of who may sign in, with what, and to do what."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Table, Text

from penstock.store.dialect import name_type
from penstock.store.tables import metadata

principal = Table(  # who may sign in, beside the owner of the home
    "principal",
    metadata,
    Column("id", name_type(36), primary_key=True),
    Column("name", name_type(255), nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
    Column("disabled_at", Float),
    Column("used_at", Float),
)

credential = Table(
    "credential",
    metadata,
    Column("id", name_type(36), primary_key=True),
    Column("principal_id", name_type(36), ForeignKey("principal.id"), nullable=False),
    Column("hash", name_type(64), nullable=False),
    Column("hint", name_type(8), nullable=False),
    Column("note", Text),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Index(None, "principal_id"),
)

role_grant = Table(
    "role_grant",
    metadata,
    Column("principal_id", name_type(36), ForeignKey("principal.id"), primary_key=True),
    Column("kind", name_type(16), primary_key=True),
    Column("target", name_type(255), primary_key=True),
    Column("role", name_type(16), nullable=False),
    CheckConstraint("kind IN ('workspace', 'published')", name="kind"),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("id", name_type(36), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)
