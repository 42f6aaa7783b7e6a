"""The worlds a lab can stand on, by name: each is imported when the first lab of its kind is made."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Literal, cast

from p2plab.api.again import remember_place
from p2plab.api.aio.node import AsyncNode
from p2plab.errors import BackendError, MissingExtraError, NotInThisWorldError, ValidationError
from p2plab.settings import Setting, refuse_unknown
from p2plab.worlds import Held, OpenWorld, World

__all__ = ["HAS_LIBP2P", "check_here", "make_world", "settings_of"]

HAS_LIBP2P = importlib.util.find_spec("libp2p") is not None and importlib.util.find_spec("trio") is not None


def make_world(backend: str, seed: int | str, settings: dict[str, Any]) -> World:
    """A new world, whose handlers find an AsyncNode at ``stream.node``. A real one is closed once nobody holds it."""
    kind = _kind_of_world(backend)
    check_here(kind.backend, sorted(settings.keys() - kind.SETTINGS.keys()))
    refuse_unknown(settings, kind.SETTINGS, f"Lab({kind.backend!r})", "seed and ")
    world: World = kind(_number(seed), **settings)
    world.settings = settings
    world.face = partial(AsyncNode, world)
    if kind.backend != "real":
        return world
    remember_place(cast("OpenWorld", world))
    return cast("World", Held(world, partial(_close_aside, world)))


def _close_aside(world: World) -> None:
    """Close it in a thread of its own: whatever thread collects it, the lab's own included, does not wait."""
    threading.Thread(target=world.close, name="closing a lab that nobody holds", daemon=True).start()


def _number(seed: object) -> int:
    """A seed as a whole number: text stands for the first eight bytes of its sha256. Raises ValidationError."""
    if isinstance(seed, str):
        return int.from_bytes(hashlib.sha256(seed.encode(errors="surrogatepass")).digest()[:8], "big")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValidationError(f"a seed is a whole number or text, not {seed!r}")
    return seed


def settings_of(backend: str, whose: Literal["lab", "node"] = "lab") -> dict[str, Setting]:
    """The settings that ``Lab(backend)`` takes beside the seed, or that ``start_node`` takes there."""
    kind = _kind_of_world(backend)
    return dict(kind.SETTINGS if whose == "lab" else kind.NODE_SETTINGS)


def without_secrets(backend: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, where a key is an object that makes the same lab and shows its fingerprint only."""
    if "psk" not in settings or _kind_of_world(backend).backend != "real":
        return dict(settings)
    from p2plab.real.settings import without_secrets

    return without_secrets(dict(settings))


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
    seed = f"; a seed is given as seed={backend}" if isinstance(backend, int) and not isinstance(backend, bool) else ""
    raise BackendError(f"there is no backend {backend!r}: take 'mock', 'real' or 'auto'{seed}")


_SIMULATED_LINKS = 'lab.network.set_link(...) does it for nodes with transports=["memory"]'
_ADDRESSES = 'listen="/ip4/127.0.0.1/tcp/4001" says where a node listens'
_SIMULATED_STREAMS = "py-libp2p's connections are as they are"

# Settings of labs and nodes that only one world has, and what there is for them in the other: by the world without.
_ELSEWHERE: dict[str, dict[str, str]] = {
    "mock": {
        "home": "a mock run is its seed and its commands: lab.snapshot() and lab.history() keep one",
        "mdns": "there is no network to multicast on: bootstrap=[...] lets nodes find each other",
        "listen": "ip= and port= give a mock node its address",
        "security": "handshakes are simulated, and nothing is encrypted",
        "muxers": "streams are simulated, and nothing is muxed",
        "psk": "nothing is encrypted: gate= and authorize= say who may come in",
        "key_log": "nothing is encrypted: lab.capture(path) has everything as it is",
        "pubsub": "every node runs p2plab's router; router= takes another",
        "remedies": "there is no py-libp2p whose faults could be let in; lab.network has faults",
        "bitswap": "every node has p2plab's Bitswap",
        "nat": "a node is a relay with role='relay', and behind a box by lab.network.add_nat",
        "host_factory": "there are no hosts of py-libp2p's; router= takes a router of your own",
    },
    "real": {
        "latency": _SIMULATED_LINKS,
        "jitter": _SIMULATED_LINKS,
        "network": _SIMULATED_LINKS,
        "transport": 'transports=["tcp", "quic-v1", ...] says which transports real nodes have',
        "connection_timeout": _SIMULATED_STREAMS,
        "stream_window": _SIMULATED_STREAMS,
        "connection_memory": "limits=Limits(peer=Limit(memory=...)) bounds what a peer may take",
        "ip": _ADDRESSES,
        "port": _ADDRESSES,
        "cpu": "a node takes the time that this machine needs",
        "region": "every node is on this machine",
    },
}


def check_here(backend: str, settings: Iterable[str]) -> None:
    """NotInThisWorldError where one of the settings, of a lab or of a node, is the other world's."""
    other = {"mock": "real", "real": "mock"}[backend]
    for name in sorted(settings):
        if name in _ELSEWHERE[backend]:
            raise NotInThisWorldError(f"{name}= is a {other} lab's; in a {backend} one {_ELSEWHERE[backend][name]}")
