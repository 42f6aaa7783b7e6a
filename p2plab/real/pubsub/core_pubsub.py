"""A real node's publish-subscribe on p2plab's own router, over py-libp2p's streams (``rpc_streams``).

The router decides as it does in a mock lab, with the same parameters, and says why.

All nodes of a lab have the loopback's address, which counts where scores weigh colocation (P6):
``ip_colocation_factor_whitelist=("127.0.0.0/8",)`` takes it out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from p2plab.errors import ClosedError
from p2plab.pubsub import GossipSubParams, Message, PubSubManager, TopicQueue
from p2plab.pubsub.choice import check_params, gossipsub_of, new_router
from p2plab.real.pubsub.rpc_streams import RpcStreams
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.real.connections.connections import RealConnection
    from p2plab.real.host import RealHost
    from p2plab.real.pylibp2p.stack import Stack
    from p2plab.real.settings import NodeSettings


class OwnPubsub:
    """Implements ``NodePubsub``. ``manager`` is the shell around the node's router."""

    def __init__(self, host: RealHost, settings: NodeSettings) -> None:
        self._host = host
        self._log = host.world.log
        self._directory = host.world.directory
        self._settings = settings
        self._is_up = False
        self.streams = RpcStreams(host, lambda: self.manager)
        self.manager = self._new_manager()
        for protocol in self.manager.router.protocols:
            host.switch.protocols.handle(protocol, self.streams.listen)

    def _new_manager(self) -> PubSubManager:
        host, settings, directory = self._host, self._settings, self._directory
        router = new_router(settings.router, settings.gossipsub)
        router.raised = host.reporter("router")
        return PubSubManager(
            host.world.runtime,
            self._log,
            host.index,
            host.identity,
            router,
            lambda peer, rpc, size, cause: self.streams.send((peer,), rpc, size, cause),
            send_many=self.streams.send,
            peer_id_of=directory.peer_of,
            index_of=directory.known,
            dial=self._dial,
            withdraw=self.streams.withdraw,
            record_of=self._record_of,
            policy=settings.signing,
            message_id=settings.message_id,
            max_message_size=settings.max_message_size,
            first_seqno=time.time_ns(),  # a node that comes back with the same key must not use one again
            name=host.name,
        )

    # -- the node's life

    def service(self, stack: Stack) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    def came_up(self, stack: Stack) -> None:
        self._is_up = True
        self.streams.came_up(stack)
        self.manager.start()

    def went_down(self) -> None:
        self._is_up = False
        self.streams.went_down()
        self.manager.pause()

    def measured(self, peer: int, rtt: float) -> None:
        self.manager.measured(peer, rtt)

    def close(self) -> None:
        self.manager.stop()
        self.manager = self._new_manager()

    # -- its peers

    async def meet(self, link: RealConnection, protocols: Sequence[str]) -> None:
        await self.streams.meet(link, protocols)

    def connection_closed(self, link: RealConnection) -> None:
        self.streams.connection_closed(link)

    # -- what the router asks of the node

    async def _dial(self, target: str, addresses: Sequence[str]) -> None:
        if addresses:
            self._host.register_peer(target, [f"{address}/p2p/{target}" for address in addresses])
        await self._host.connect(target)

    def _record_of(self, peer: int) -> bytes:
        said = self._host.said(peer)
        return (said.signed_peer_record if said is not None else None) or b""

    # -- the node's verbs

    def _running(self) -> PubSubManager:
        if not self._is_up:
            raise ClosedError(f"{self._host.name} is not running; start it again first")
        return self.manager

    def subscribe(self, topic: str) -> TopicQueue:
        return self._running().subscribe(topic)

    def unsubscribe(self, queue: TopicQueue) -> None:
        self.manager.unsubscribe(queue)

    def publish(self, topic: str, data: bytes) -> Message:
        return self._running().publish(topic, data)

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> object:
        return self.manager.add_validator(topic, validator)

    def topics(self) -> list[str]:
        return self.manager.topics()

    def topic_peers(self, topic: str) -> list[PeerId]:
        return self._named(self.manager.topic_peers(topic))

    def mesh(self, topic: str) -> list[PeerId]:
        return self._named(self._running().router.mesh(topic))

    def fanout(self, topic: str) -> list[PeerId]:
        return self._named(self._running().router.fanout(topic))

    def scores(self) -> dict[str, dict[str, Any]]:
        router = self._running().router
        named = {index: self._directory.peer_of(index) for index in router.peers}
        return {peer.name or peer.short: router.score_of(index) for index, peer in named.items()}

    def params(self) -> GossipSubParams:
        return gossipsub_of(self.manager.router, self._host.name).params

    def set_params(self, params: GossipSubParams) -> None:
        router = gossipsub_of(self.manager.router, self._host.name)
        router.params = check_params(params)
        self._log.record("pubsub.params", self._host.index, reason="requested", data={"preset": router.params.preset})

    def _named(self, peers: Sequence[int]) -> list[PeerId]:
        return [self._directory.peer_of(index) for index in peers]
