"""Content: blocks that are named by their hash, the graphs they make, and how they get from one node to another."""

from __future__ import annotations
