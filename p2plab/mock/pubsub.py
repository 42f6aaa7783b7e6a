"""A mock node's publish-subscribe: the router and its shell on the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from p2plab.errors import ValidationError
from p2plab.identity import peer_id_from_bytes
from p2plab.mock.withdrawal import withdraw
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
    """A node's publish-subscribe, on its connections. Its heartbeat begins with its first peer, and not with whoever is
    the first to look at it: looking must not change a run."""
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

    async def dial(target: str, addresses: Sequence[str]) -> None:
        if addresses:
            host.register_peer(target, [f"{address}/p2p/{target}" for address in addresses])
        await host.connect(target)

    def index_of(peer_id: bytes) -> int:
        known = world.find(str(peer_id_from_bytes(peer_id)))
        return -1 if known is None else known.index

    manager = PubSubManager(
        world.runtime,
        world.events,
        host.index,
        host.identity,
        router,
        send,
        send_many=send_many,
        peer_id_of=world.peer_id_at,
        index_of=index_of,
        dial=dial,
        withdraw=partial(withdraw, host),
        record_of=lambda index: world.host_at(index).peer_record,
        name=host.name,
        first_seqno=host.next_seqno,
    )
    return manager
