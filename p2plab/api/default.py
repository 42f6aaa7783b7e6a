"""The lab of a program that makes none: ``p2plab.execute_command`` works on it, and it is made on first use."""

from __future__ import annotations

import threading
from typing import Any

from p2plab.api.blocking.lab import Lab

__all__ = ["default_lab", "execute_command"]

_lab: Lab | None = None
_making = threading.Lock()


def default_lab() -> Lab:
    """The default lab: real where py-libp2p is installed, else mock; a new one once the last was closed."""
    global _lab
    with _making:
        if _lab is None or _lab.closed:
            _lab = Lab("auto")
        return _lab


def execute_command(name: str, /, **arguments: Any) -> dict[str, Any]:
    """Execute a command on the default lab; see ``Lab.execute_command``. It never raises for a command that fails."""
    try:
        lab = default_lab()
    except Exception as error:  # noqa: BLE001  the contract: what goes wrong is in the answer
        from p2plab.commands import failure

        return failure(name, error)
    return lab.execute_command(name, **arguments)
