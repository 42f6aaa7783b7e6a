"""A mock node's publish-subscribe: the router and its shell on the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from p2plab.constants import MAX_MESSAGE_SIZE
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.identity import peer_id_from_bytes
from p2plab.mock.withdrawal import withdraw
from p2plab.pubsub import FloodSub, GossipSub, GossipSubParams, PubSubManager
from p2plab.pubsub.router import Router
from p2plab.pubsub.rpc import RPC
from p2plab.pubsub.signing import POLICIES, STRICT_SIGN

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


def check_toolkit(settings: Mapping[str, object]) -> None:
    """What else may be set of pubsub: ``signing``, ``message_id``, ``max_message_size``. ValidationError."""
    signing, message_id = settings.get("signing", STRICT_SIGN), settings.get("message_id")
    size = settings.get("max_message_size", MAX_MESSAGE_SIZE)
    if signing not in POLICIES:
        raise ValidationError(f"signing={signing!r}: take {' or '.join(map(repr, POLICIES))}")
    if message_id is not None and not callable(message_id):
        raise ValidationError(f"message_id={message_id!r}: take a function of a Publication that gives bytes")
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MAX_MESSAGE_SIZE:
        raise ValidationError(f"max_message_size={size!r}: take a whole number of bytes from 1 to {MAX_MESSAGE_SIZE:,}")


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
                end.account.sent += size
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
        policy=host.settings.get("signing", world.signing),
        message_id=host.settings.get("message_id", world.message_id),
        max_message_size=host.settings.get("max_message_size", world.max_message_size),
    )
    return manager


def params_of(host: MockHost) -> GossipSubParams:
    """The parameters that a node's router goes by. ConfigurationError where it is no GossipSub."""
    return _gossipsub(host).params


def set_params(host: MockHost, params: object) -> None:
    """Have a node's router go by other parameters from now on; meshes, scores and caches stay."""
    router = _gossipsub(host)
    router.params = check_params(params)
    host.world.events.record("pubsub.params", host.index, reason="requested", data={"preset": router.params.preset})


def _gossipsub(host: MockHost) -> GossipSub:
    router = host.pubsub.router
    if not isinstance(router, GossipSub):
        raise ConfigurationError(f"{host.name} runs {type(router).__name__}, which has no GossipSub parameters")
    return router
