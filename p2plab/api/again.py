"""A notebook's cell that runs again and makes a real lab once more, at the same line: the earlier one is closed, unless
some other name still refers to something of it.

IPython keeps what cells gave (``Out``, ``_``), so the earlier lab would stay held for good, with its thread, its ports
and its files. IPython is never imported here: where it runs, it is there.
"""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, Final

from p2plab.text import plural
from p2plab.worlds import OpenWorld, bare

__all__ = ["remember_place"]

Place = tuple[str, int]  # what tells the cell, and the line in it

_COUNTER: Final = re.compile(r"<ipython-input-\d+-")
_MOST: Final = 1000  # members of a collection that are looked at
_made: dict[Place, weakref.ref[Any]] = {}
_earlier: list[OpenWorld] = []
_watched: weakref.WeakSet[Any] = weakref.WeakSet()  # shells that tell when a cell is over


def remember_place(world: OpenWorld) -> None:
    """Note where a real lab is made. Once the cell is over, what the same line had made before is closed."""
    shell = _shell()
    place = None if shell is None else _place(shell)
    if shell is None or place is None:
        return
    before = _made.get(place)
    _made[place] = weakref.ref(world)
    earlier = None if before is None else before()
    if earlier is None or earlier.closed:
        return
    _earlier.append(earlier)
    if shell not in _watched:
        shell.events.register("post_run_cell", lambda *_: _close_earlier(shell))
        _watched.add(shell)


def _shell() -> Any:
    found = sys.modules.get("IPython")
    return None if found is None else found.get_ipython()


def _place(shell: Any) -> Place | None:
    """The cell's line that is being run: of frames, the innermost whose names are the notebook's."""
    frame = sys._getframe()
    while frame is not None and frame.f_globals is not shell.user_ns:
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return None
    parent: Any = getattr(shell, "get_parent", dict)()
    cell = parent.get("metadata", {}).get("cellId") if isinstance(parent, Mapping) else None
    # The name of a cell's code is a hash of it; in a terminal IPython counts, too.
    return str(cell or _COUNTER.sub("", frame.f_code.co_filename)), frame.f_lineno


def _close_earlier(shell: Any) -> None:
    for world in [_earlier.pop() for _ in range(len(_earlier))]:
        if any(bare(held) is world for held in _held(shell.user_ns)):
            continue
        nodes = len(world.hosts())
        world.close()
        sys.stdout.write(f"p2plab: closed the real lab that this cell had made before ({plural(nodes, 'node')})\n")


def _held(names: Mapping[str, Any]) -> Iterable[Any]:
    """The worlds that a user's own names refer to; not those that IPython keeps: _, __, _3, Out."""
    for name, value in list(names.items()):
        if name.startswith("_") or name in ("In", "Out"):
            continue
        for one in [value, *_members(value)]:
            world = getattr(one, "_world", None)
            if world is not None:
                yield world


def _members(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    return list(value)[:_MOST] if isinstance(value, (list, tuple, set)) else []
