"""How often Python looks for garbage in cycles while a lab runs.

Almost everything in a lab either lives as long as the lab or is freed by counting. At its usual threshold the collector
walks it all over and over: of ten thousand nodes' GossipSub, two fifths of the time (21.7 s CPU, and 13.7 s with this).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["fewer_collections"]

YOUNG = 50_000  # objects made and not freed between two looks; Python's own threshold is 700 (2,000 from 3.12 on)


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Look for garbage less often meanwhile. A collector that is switched off, or rarer still, stays as it is."""
    before = gc.get_threshold()
    if not 0 < before[0] < YOUNG:
        yield
        return
    gc.set_threshold(YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
