"""Runs one can hand over: a run in one file of data, opened again, forked, and shrunk to what matters."""

from __future__ import annotations

from p2plab.runs.saved.file import save as save
from p2plab.runs.saved.fork import fork as fork
from p2plab.runs.saved.shrink import shrink as shrink

__all__ = ["fork", "save", "shrink"]
