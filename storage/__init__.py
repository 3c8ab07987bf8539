"""Durable memory on SQLite or PostgreSQL."""

from storage.store import SqlStore, migrate, open_store

__all__ = ["SqlStore", "migrate", "open_store"]
