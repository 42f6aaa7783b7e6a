"""The worlds a lab can stand on, by name: each is imported when the first lab of its kind is made."""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import Any

from p2plab.errors import BackendError, MissingExtraError, NotInThisWorldError, ValidationError
from p2plab.node import AsyncNode
from p2plab.typing import World

__all__ = ["HAS_LIBP2P", "make_world", "settings_of"]

HAS_LIBP2P = importlib.util.find_spec("libp2p") is not None and importlib.util.find_spec("trio") is not None


def make_world(backend: str, seed: int, settings: dict[str, Any]) -> World:
    """A new world, whose handlers find an AsyncNode at ``stream.node``."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValidationError(f"seed must be a whole number, not {seed!r}")
    kind = _kind_of_world(backend)
    world: World = kind(seed, **_known(settings, kind.SETTINGS, kind.backend))
    world.settings = settings
    world.face = partial(AsyncNode, world)
    return world


def settings_of(backend: str) -> dict[str, str]:
    """The settings that ``Lab(backend)`` takes beside the seed, with a line on each."""
    return dict(_kind_of_world(backend).SETTINGS)


def _kind_of_world(backend: str) -> Any:
    """The class a backend's name stands for. BackendError or MissingExtraError where there is none."""
    if backend == "auto":
        backend = "real" if HAS_LIBP2P else "mock"
    if backend == "mock":
        from p2plab.mock import MockWorld

        return MockWorld
    if backend == "real":
        if not HAS_LIBP2P:
            raise MissingExtraError(
                "Lab('real') needs py-libp2p, which is not installed: pip install 'p2plab[real]'; "
                "Lab() runs the same words on a simulated network"
            )
        from p2plab.real import RealWorld

        return RealWorld
    raise BackendError(f"there is no backend {backend!r}: take 'mock', 'real' or 'auto'")


# Settings that only a real lab can have, and what there is for them in a mock one.
_REAL_ONLY = {
    "home": "a mock run is its seed and its commands: lab.snapshot() and lab.history() keep one",
    "mdns": "there is no network to multicast on: bootstrap=[...] lets nodes find each other",
}


def _known(settings: dict[str, Any], known: dict[str, str], backend: str) -> dict[str, Any]:
    unknown = sorted(settings.keys() - known.keys())
    if backend == "mock" and unknown and unknown[0] in _REAL_ONLY:
        raise NotInThisWorldError(f"{unknown[0]}= is a real lab's; in a mock one {_REAL_ONLY[unknown[0]]}")
    if unknown:
        raise ValidationError(
            f"Lab({backend!r}) has no setting {unknown[0]!r}; it takes seed and {', '.join(sorted(known))}"
        )
    return settings
