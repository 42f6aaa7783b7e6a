"""p2plab: an interactive laboratory for libp2p. ``Lab()`` is a simulated network, ``Lab("real")`` py-libp2p nodes.

(PYTEST_DONT_REWRITE: pytest, of which p2plab has a plugin, has nothing to rewrite here.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from p2plab.constants import MODEL_VERSION as MODEL_VERSION
from p2plab.constants import VERSION as _VERSION


def load_ipython_extension(shell: _Any) -> None:
    """For ``%load_ext p2plab``: the magics ``%p2p`` and ``%%p2p``."""
    from p2plab.api.magics import load

    load(shell)


# Names come in when they are first asked for: pytest loads p2plab's plugin in every run, of p2plab's users too.
_LATER = {
    "AsyncLab": "p2plab.api.aio.lab",
    "AsyncNode": "p2plab.api.aio.node",
    "Event": "p2plab.events",
    "EventLog": "p2plab.events",
    "HAS_LIBP2P": "p2plab.api.backends",
    "Lab": "p2plab.api.blocking.lab",
    "LogView": "p2plab.views",
    "Node": "p2plab.api.blocking.node",
    "default_lab": "p2plab.api.default",
    "diagnose": "p2plab.api.diagnosing",
    "execute_command": "p2plab.api.default",
    "open": "p2plab.views",
    "shrink": "p2plab.runs.saved.shrink",
    "sleep": "p2plab.inside",
    "sweep": "p2plab.runs.sweep",
    "tracebacks": "p2plab.errors",
}

if _TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab as AsyncLab
    from p2plab.api.aio.node import AsyncNode as AsyncNode
    from p2plab.api.backends import HAS_LIBP2P as HAS_LIBP2P
    from p2plab.api.blocking.lab import Lab as Lab
    from p2plab.api.blocking.node import Node as Node
    from p2plab.api.default import default_lab as default_lab
    from p2plab.api.default import execute_command as execute_command
    from p2plab.api.diagnosing import diagnose as diagnose
    from p2plab.errors import tracebacks as tracebacks
    from p2plab.events import Event as Event
    from p2plab.events import EventLog as EventLog
    from p2plab.inside import sleep as sleep
    from p2plab.runs.saved.shrink import shrink as shrink
    from p2plab.runs.sweep import sweep as sweep
    from p2plab.views import LogView as LogView
    from p2plab.views import open as open
else:  # for mypy each name would be one of p2plab's

    def __getattr__(name: str) -> _Any:
        """Names, and rooms such as ``p2plab.attacks``, after ``import p2plab`` alone."""
        from importlib import import_module
        from importlib.util import find_spec

        if name in _LATER:
            found = globals()[name] = getattr(import_module(_LATER[name]), name)
            return found
        if name.startswith("_") or find_spec(f"p2plab.{name}") is None:
            raise AttributeError(f"module 'p2plab' has no attribute {name!r}")
        return import_module(f"p2plab.{name}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "HAS_LIBP2P",
    "MODEL_VERSION",
    "AsyncLab",
    "AsyncNode",
    "Event",
    "EventLog",
    "Lab",
    "LogView",
    "Node",
    "default_lab",
    "diagnose",
    "execute_command",
    "load_ipython_extension",
    "open",
    "shrink",
    "sleep",
    "sweep",
    "tracebacks",
]

__version__ = _VERSION
