"""The lab's eye on nodes outside: a peer of its own that dials them, asks them who they are, and notices their end.

It listens nowhere and answers identify and ping alone, so that it joins no mesh and no routing table. Its key is drawn
anew each time: it is nobody's node.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import StreamHandlerFn

from p2plab.constants import IDENTIFY_ID, PING_ID
from p2plab.errors import DialError
from p2plab.host.names import Target
from p2plab.identity.keys import Identity
from p2plab.protocols.identify import Identify, identify
from p2plab.protocols.ping import ping
from p2plab.real.connections.connections import describe
from p2plab.real.connections.dial import dial_in_turn
from p2plab.real.connections.streams import RealStream
from p2plab.real.pylibp2p.peerstore import LabPeerStore
from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.pylibp2p.stack import CLOSING, Life, new_swarm
from p2plab.real.pylibp2p.swarm import Failed, LabHost, close_connections
from p2plab.real.settings import NodeSettings
from p2plab.stream import NetStream
from p2plab.stream.flow.gate import FairGate
from p2plab.stream.negotiation.negotiate import select
from p2plab.stream.priorities import weight_of

if TYPE_CHECKING:
    from p2plab.real.world import RealWorld


class _NoProtocols:
    """``Answers`` of a host that has no protocols beside the library's."""

    protocols: tuple[str, ...] = ()

    def handler(self, proposal: str) -> StreamHandlerFn | None:
        return None


class Observer(Life):
    """One life of it."""

    def __init__(self, world: RealWorld, settings: NodeSettings, failed: Failed) -> None:
        super().__init__(failed)
        identity = Identity(os.urandom(32))
        self._world = world
        self._peer_id = identity.peer_id
        # What is studied in the lab's nodes, and what they do without, is no matter here.
        transports = tuple(dict.fromkeys((*settings.transports, "tcp", "ws", "wss")))
        settings = replace(settings, transports=transports, remedies=Remedies())
        self._swarm = new_swarm(
            settings,
            create_new_key_pair(identity.seed),
            LabPeerStore(),
            lambda address, error: failed(f"a connection from {address}", error),
        )
        self._host = LabHost(self._swarm, _NoProtocols(), failed)
        self._randomness = world.runtime.random("ping/observer")

    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Live until ``leave`` is set. What the library lets through is recorded."""
        try:
            async with self._host.run([]), trio.open_nursery() as self._nursery:
                task_status.started()
                await self.leave.wait()
                self.over.set()
                with trio.CancelScope(shield=True):
                    await close_connections(self._swarm, CLOSING)
                    with trio.move_on_after(CLOSING):
                        await self._host.close()
                self._nursery.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001  # whatever the library raised; who needs the observer makes another
            self.failed("the lab's observer", error)
        finally:
            self.over.set()
            with trio.CancelScope(deadline=trio.current_time() + CLOSING, shield=True):
                await self._swarm.hang_up()

    async def dial(self, target: Target, timeout: float) -> Any:
        """The library's connection to a peer; the one there is, if there is one. Raises DialError."""
        library: Any = None
        attempts: list[tuple[str, float, str]] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_with_it, nursery.cancel_scope)
            library, attempts = await dial_in_turn(self._swarm, target, timeout)
            nursery.cancel_scope.cancel()
        if library is None:
            tried = "; ".join(f"{address} ({seconds:.3f} s): {why}" for address, seconds, why in attempts)
            why = tried or "py-libp2p ended the peer that dials for it"
            raise DialError(f"the lab could not reach {target.named}: {why}", attempts)
        return library

    async def _end_with_it(self, scope: trio.CancelScope) -> None:
        await self.over.wait()
        scope.cancel()

    async def ask(self, library: Any) -> Identify:
        """Identify. Raises StreamError, ProtocolViolation."""
        return await identify(await self._open(library, IDENTIFY_ID))

    async def ping(self, library: Any) -> None:
        """One round trip. Raises StreamError, ProtocolViolation."""
        async with await self._open(library, PING_ID) as stream:
            await ping(stream, self._world.runtime, self._randomness)

    async def _open(self, library: Any, protocol: str) -> NetStream:
        runtime = self._world.runtime
        info = describe(library, self._world.directory, self._peer_id, runtime.now())
        weight = weight_of("control")
        stream, gate, remedies = await library.new_stream(), FairGate(runtime), self._swarm.remedies
        raw = RealStream(stream, info, "outbound", self.start, gate, weight, remedies)
        try:
            agreed = await select(raw, [protocol], runtime)
        except BaseException:
            await raw.reset()
            raise
        return NetStream(agreed, runtime)

    def hang_up(self, library: Any) -> None:
        """Close a connection."""
        self.start(library.close, "closing a connection")
