"""A node's content, bound once for every world: its blocks, the files made of them, and how they get to others."""

from __future__ import annotations

from p2plab.host.content.service import ContentService as ContentService

__all__ = ["ContentService"]
