"""How the rows of a log are kept, packed where they are older, and found."""

from __future__ import annotations

from p2plab.events.rows.block import SIZE as SIZE
from p2plab.events.rows.index import Indices as Indices
from p2plab.events.rows.rows import FieldColumn as FieldColumn
from p2plab.events.rows.rows import Rows as Rows

__all__ = ["SIZE", "FieldColumn", "Indices", "Rows"]
