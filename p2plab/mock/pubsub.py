"""A mock node's publish-subscribe: the router and its shell on the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from p2plab.errors import ValidationError
from p2plab.pubsub import FloodSub, GossipSub, GossipSubParams, PubSubManager
from p2plab.pubsub.router import Router
from p2plab.pubsub.rpc import RPC

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost

NAMED = {"gossipsub": GossipSub, "floodsub": FloodSub}


def check_router(router: object) -> Callable[..., Router]:
    """What makes a node's router: ``gossipsub``, ``floodsub``, or a subclass of a router. ValidationError."""
    if isinstance(router, str) and router in NAMED:
        return NAMED[router]
    if isinstance(router, type) and issubclass(router, Router):
        return router
    raise ValidationError(
        f"router={router!r}: take {' or '.join(repr(name) for name in NAMED)}, or a subclass of p2plab.pubsub.GossipSub"
    )


def check_params(params: object) -> GossipSubParams:
    """A node's GossipSub parameters. ValidationError for anything else."""
    if not isinstance(params, GossipSubParams):
        raise ValidationError(f"gossipsub={params!r}: take GossipSubParams.spec() or another preset of GossipSubParams")
    return params


def new_pubsub(host: MockHost) -> PubSubManager:
    """A node's publish-subscribe, on its connections; its heartbeat has begun."""
    world, ends = host.world, host.ends
    make = check_router(host.settings.get("router", world.router))
    params = check_params(host.settings.get("gossipsub", world.gossipsub))
    with_params = isinstance(make, type) and issubclass(make, GossipSub)
    router = make(params) if with_params else make()

    def send(peer: int, rpc: RPC, size: int, cause: int) -> None:
        send_many((peer,), rpc, size, cause)

    def send_many(peers: Sequence[int], rpc: RPC, size: int, cause: int) -> None:
        for peer in peers:
            there = ends.get(peer)
            if there:
                end = there[0]
                end.out.send(size + end.overhead, end.remote.receive_rpc, rpc, cause)

    manager = PubSubManager(
        world.runtime,
        world.events,
        host.index,
        host.identity,
        router,
        send,
        send_many=send_many,
        peer_id_of=world.peer_id_at,
        name=host.name,
        first_seqno=host.next_seqno,
    )
    manager.start()
    return manager
