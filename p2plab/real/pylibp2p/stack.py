"""The py-libp2p objects of one node, from their making to their end.

A node that its library killed gets a new stack; what has to outlive that (name, key, port, handlers, subscriptions) is
the host's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import KeyPair
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.rcmgr import new_resource_manager
from libp2p.transport.manager import TransportManager
from multiaddr import Multiaddr

from p2plab.errors import ConfigurationError
from p2plab.identity.address import parse_address
from p2plab.identity.keys import Identity
from p2plab.real.connections.admission import AskingUpgrader
from p2plab.real.loop.open_files import none_left, room
from p2plab.real.outside.own_host import made_by, put_in
from p2plab.real.pylibp2p.remedies import MAX_CONNECTIONS, NEGOTIATION_TIMEOUT, Remedies
from p2plab.real.pylibp2p.swarm import Answers, Failed, LabHost, LabSwarm, close_connections
from p2plab.real.transports import Refused, new_muxers, new_security, new_transports
from p2plab.text import RAISABLE

if TYPE_CHECKING:
    from p2plab.real.pubsub.node_pubsub import NodePubsub
    from p2plab.real.settings import NodeSettings

FOR_GOOD = 1e12  # seconds
CLOSING = 3.0  # seconds that a connection's farewell, or a host's, may take


class Life:
    """One life in a lab's trio thread: ``leave`` is set to have it end in order, and ``over`` when it is ending for
    whatever reason. Whoever lives it opens ``_nursery``."""

    _nursery: trio.Nursery

    def __init__(self, failed: Failed) -> None:
        self.failed = failed
        self.leave = trio.Event()
        self.over = trio.Event()

    def start(self, action: Callable[[], Awaitable[Any]], what: str) -> bool:
        """Run a coroutine that ends with this life; what it raises is recorded and ends nothing else. False, and
        nothing is run, when the life is over."""
        if self.over.is_set():
            return False
        self._nursery.start_soon(self._guarded, action, what, name=f"p2plab {what}")
        return True

    async def _guarded(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        try:
            await action()
        except RAISABLE as error:
            self.failed(what, error)


class Stack(Life):
    """One node's, for one life of it."""

    def __init__(
        self,
        identity: Identity,
        settings: NodeSettings,
        pubsub: NodePubsub,
        answers: Answers,
        failed: Failed,
        refused: Refused,
        peerstore: PeerStore,
        listen: Sequence[str],
    ) -> None:
        super().__init__(failed)
        self.remedies = settings.remedies
        keys = create_new_key_pair(identity.seed)
        self.peer_id = ID.from_pubkey(keys.public_key)
        if settings.host_factory is None:
            self.swarm = new_swarm(settings, keys, peerstore, refused)
            self.host = LabHost(self.swarm, answers, failed, settings.mdns)
        else:
            made = made_by(settings.host_factory, keys, [Multiaddr(address) for address in listen])
            self.swarm, self.host = put_in(made, self.peer_id, answers)
            self.swarm.refused, self.swarm.transport_names = refused, settings.transports
        self._pubsub = pubsub.service(self)
        self._life = trio.CancelScope()
        self._bound: set[trio.CancelScope] = set()  # what is being done with it from outside

    def listening(self, listen: Sequence[str]) -> list[str]:
        """The addresses that listening there has come to, in the same order."""
        listeners = [self.swarm.listeners[str(Multiaddr(address))] for address in listen]
        return [parse_address(str(address)).base for listener in listeners for address in listener.get_addrs()]

    @contextmanager
    def bound(self) -> Iterator[None]:
        """What is awaited inside is given up when the stack is over: the library would wait for what no longer runs."""
        with trio.CancelScope() as scope:
            self._bound.add(scope)
            try:
                yield
            finally:
                self._bound.discard(scope)

    def _is_over(self) -> None:
        self.over.set()
        for scope in self._bound:
            scope.cancel()

    def abandon(self) -> None:
        """End it without a goodbye."""
        self._is_over()
        self._life.cancel()

    async def run(self, listen: Sequence[str], ready: Callable[[], None]) -> None:
        """Live until ``leave`` is set. Whatever the library let through is raised, after cleaning up behind it."""
        deaf: list[str] = []
        try:
            with self._life:
                deaf = await self._live(listen, ready)
        finally:
            self._is_over()
            await self._clean_up()
        if deaf:
            raise cannot_listen(deaf) if room() else none_left()

    async def _live(self, listen: Sequence[str], ready: Callable[[], None]) -> list[str]:
        """The addresses at which it could not listen; then it has not lived."""
        async with self.host.run([Multiaddr(address) for address in listen]), AsyncExitStack() as services:
            deaf = [address for address in listen if str(Multiaddr(address)) not in self.swarm.listeners]
            if deaf:
                return deaf
            await services.enter_async_context(self._pubsub)
            async with trio.open_nursery() as self._nursery:
                try:
                    ready()
                    await self.leave.wait()
                    await self._close()
                finally:
                    self._is_over()  # while the nursery still takes tasks
                self._nursery.cancel_scope.cancel()
        return []

    async def _close(self) -> None:
        """Remedy "close inside run"."""
        if not self.remedies.on("close inside run"):
            return
        with trio.CancelScope(shield=True):
            await close_connections(self.swarm, CLOSING)
            with trio.move_on_after(CLOSING):
                await self.host.close()

    async def _clean_up(self) -> None:
        """What a crash leaves behind: the library's own last steps are cancelled then."""
        if not self.remedies.on("close inside run"):
            return
        with trio.CancelScope(deadline=trio.current_time() + CLOSING, shield=True):
            await self.swarm.hang_up()  # while there are sockets to say goodbye by
            for listener in list(self.swarm.listeners.values()):
                await listener.close()
            await self.swarm.transport_manager.close_all()


def new_swarm(settings: NodeSettings, keys: KeyPair, peerstore: PeerStore, refused: Refused) -> LabSwarm:
    """A swarm of the peer with these keys, which become the peerstore's own. ``refused(address, error)`` is told of
    what came in and did not become a connection."""
    remedies, peer_id = settings.remedies, ID.from_pubkey(keys.public_key)
    peerstore.add_key_pair(peer_id, keys)
    # Put together here rather than by new_host: it takes no RetryConfig, and adds a resource manager
    # (remedies "no retries" and "no default limits").
    swarm = LabSwarm(
        peer_id,
        peerstore,
        AskingUpgrader(new_security(settings, keys), new_muxers(settings)),
        new_transports(settings, keys, refused),
        RetryConfig(max_retries=0) if remedies.on("no retries") else RetryConfig(),
        _connection_config(remedies),
        psk=None if settings.psk is None or remedies.on("private networks") else settings.psk.secret.hex(),
        transport_manager=TransportManager(),
        remedies=remedies,
    )
    swarm.refused, swarm.transport_names, swarm.network = refused, settings.transports, settings.psk
    if not remedies.on("no default limits"):
        swarm.set_resource_manager(new_resource_manager())
    return swarm


def _connection_config(remedies: Remedies) -> ConnectionConfig:
    config = ConnectionConfig(max_connections=MAX_CONNECTIONS, high_watermark=MAX_CONNECTIONS)
    if remedies.on("no auto-connector"):
        config.min_connections = config.low_watermark = 0
    if remedies.on("one connection a peer"):
        config.max_connections_per_peer = 1
        # ... but none is closed for another beside it: that may be AutoNAT's, or a direct one beside a relayed one.
        config.grace_period = FOR_GOOD
    if remedies.on("uncut negotiation"):
        config.outbound_stream_protocol_negotiation_timeout = NEGOTIATION_TIMEOUT
        config.inbound_stream_protocol_negotiation_timeout = NEGOTIATION_TIMEOUT
    return config


def cannot_listen(addresses: Sequence[str], is_from_home: bool = False) -> ConfigurationError:
    """The error for addresses at which a node cannot listen; ``is_from_home``: nobody chose them this time."""
    hint = ", where it did before (the lab's home says so): listen=[...] chooses others" if is_from_home else ""
    return ConfigurationError(
        f"nothing can listen at {', '.join(addresses)} here{hint or ': take a free port, an own address'}"
    )
