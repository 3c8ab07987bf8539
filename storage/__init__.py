"""Durable memory on SQLite or PostgreSQL."""

from storage.opening import migrate, open_store
from storage.store import SqlStore

__all__ = ["SqlStore", "migrate", "open_store"]
