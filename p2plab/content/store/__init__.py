"""Where a node keeps its blocks, and which of them it means to keep."""

from __future__ import annotations

from p2plab.content.store.memory import BlockStore, Collected
from p2plab.content.store.sqlite_store import SqliteBlockStore

__all__ = ["BlockStore", "Collected", "SqliteBlockStore"]
