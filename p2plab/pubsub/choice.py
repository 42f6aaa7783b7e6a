"""What may be chosen of p2plab's own publish-subscribe: the router, its parameters, signing, ids and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from p2plab.constants import LARGEST_MESSAGE_SIZE, MAX_MESSAGE_SIZE
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.pubsub.floodsub import FloodSub
from p2plab.pubsub.gossipsub.automaton import GossipSub
from p2plab.pubsub.gossipsub.params import GossipSubParams
from p2plab.pubsub.message import POLICIES, STRICT_SIGN
from p2plab.pubsub.router import Router

__all__ = ["ROUTERS", "check_params", "check_router", "check_toolkit", "gossipsub_of", "new_router", "with_exchange"]

ROUTERS: Final[dict[str, type[Router]]] = {"gossipsub": GossipSub, "floodsub": FloodSub}


def check_router(router: object) -> str | type[Router]:
    """The name of a router, or a subclass of one. ValidationError for anything else."""
    if isinstance(router, str) and router in ROUTERS:
        return router
    if isinstance(router, type) and issubclass(router, Router):
        return router
    raise ValidationError(
        f"router={router!r}: take {' or '.join(map(repr, ROUTERS))}, or a subclass of p2plab.pubsub.GossipSub"
    )


def check_params(params: object) -> GossipSubParams:
    """A node's GossipSub parameters. ValidationError for anything else."""
    if not isinstance(params, GossipSubParams):
        raise ValidationError(f"gossipsub={params!r}: take GossipSubParams.spec() or another preset of GossipSubParams")
    return params


def with_exchange(params: GossipSubParams, wanted: bool) -> GossipSubParams:
    """The same, with peer exchange on where it is wanted."""
    return replace(params, peer_exchange=True) if wanted and not params.peer_exchange else params


def check_toolkit(settings: Mapping[str, object]) -> None:
    """What else may be set of pubsub: ``signing``, ``message_id``, ``max_message_size``. Raises ValidationError."""
    signing, message_id = settings.get("signing", STRICT_SIGN), settings.get("message_id")
    size = settings.get("max_message_size", MAX_MESSAGE_SIZE)
    if signing not in POLICIES:
        raise ValidationError(f"signing={signing!r}: take {' or '.join(map(repr, POLICIES))}")
    if message_id is not None and not callable(message_id):
        raise ValidationError(f"message_id={message_id!r}: take a function of a Publication that gives bytes")
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST_MESSAGE_SIZE:
        most = f"{LARGEST_MESSAGE_SIZE:,}"
        raise ValidationError(f"max_message_size={size!r}: take a whole number of bytes from 1 to {most}")


def new_router(router: str | type[Router], params: GossipSubParams) -> Router:
    """A router for one node; one that is no GossipSub takes no parameters."""
    make = ROUTERS[router] if isinstance(router, str) else router
    return make(params) if issubclass(make, GossipSub) else make()


def gossipsub_of(router: Router, name: str) -> GossipSub:
    """The router of the node of this name, where it is one that has parameters. Raises ConfigurationError."""
    if not isinstance(router, GossipSub):
        raise ConfigurationError(f"{name} runs {type(router).__name__}, which has no GossipSub parameters")
    return router
