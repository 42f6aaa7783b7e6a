"""What a run is: versions, model, seed, settings, time, digest, platform. Written into every saved run."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import MODEL_VERSION, VERSION

if TYPE_CHECKING:
    from p2plab.worlds import World

__all__ = ["manifest"]

FORMAT: Final = 1
LIBRARIES: Final = ("libp2p", "trio", "multiaddr", "cryptography", "protobuf")  # whose versions may matter to a run


def manifest(world: World) -> dict[str, Any]:
    """The facts about a world's run, as plain JSON. Reading them changes nothing."""
    log = world.events
    return {
        "format": FORMAT,
        "p2plab": VERSION,
        "model": MODEL_VERSION,
        "backend": world.backend,
        "seed": world.seed,
        "settings": {name: _shown(value) for name, value in world.settings.items()},
        "now": world.now,
        "events": len(log),
        "dropped": log.dropped,
        "recording": log.level,
        "digest": log.digest(),
        "assumptions": list(log.assumptions),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "byteorder": sys.byteorder,
        "libraries": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _shown(value: Any) -> Any:
    """A setting for people to read; keys of private networks are not among settings that a world keeps."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_shown(item) for item in value]
    if type(value).__module__.startswith("p2plab."):
        return repr(value)[:2000]
    return getattr(value, "__name__", type(value).__name__)
