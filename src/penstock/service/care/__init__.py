"""Keeping a home in order: room, clearing away, backups, the invariants."""
