"""What a node answers, and its streams: all that takes no lab time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from p2plab.api.arguments import Peer, check_bytes, check_protocol
from p2plab.commanded import commanded
from p2plab.constants import MAX_REQUEST, MAX_TRANSFER
from p2plab.errors import ValidationError
from p2plab.errors.checked import list_of
from p2plab.errors.frames import Faced
from p2plab.typing import Connection, PeerId
from p2plab.worlds import Host, World

if TYPE_CHECKING:
    from p2plab.stream import NetStream, Priority, StreamHandler
    from p2plab.stream.traffic import TrafficTable

__all__ = ["ProtocolsFace"]


class ProtocolsFace(Faced):
    """The verbs about protocols that both faces of a node have; ``NodeFace`` says how a peer is named."""

    _world: World
    _host: Host
    _peer: Callable[[Any], str]

    def handle(
        self,
        protocol: str,
        handler: StreamHandler,
        features: Sequence[str] = (),
        priority: Priority | None = None,
    ) -> None:
        """Answer streams of a protocol.

        A handler registered again replaces the one before.

        Args:
            protocol: its id, such as ``/echo/1.0.0``; it may end in a range of versions, as in ``/chat/1.x`` (the
                stream's ``protocol`` says which one was agreed)
            handler: ``async def handler(stream)``; the stream is closed when it returns, and reset if it raises, which
                is an ``error`` event
            features: words that ``capabilities`` tells of the protocol
            priority: ``"control"``, ``"interactive"`` (the default), ``"bulk"`` or a weight from 1 to 1000: its
                streams' share of a busy line

        Raises:
            ValidationError: no protocol id, or no such function.
            ConfigurationError: a protocol of the node's publish-subscribe, such as ``/meshsub/1.1.0``.

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> "/echo/1.0.0" in bob.protocols()
            True
        """
        words = list_of(features, "features", "['signed']")
        self._world.call(self._host.handle, check_protocol(protocol), handler, words, priority)

    def remove_handler(self, protocol: str) -> bool:
        """No longer answer a protocol.

        Args:
            protocol: its id

        Returns:
            Whether it was answered.
        """
        return self._world.call(self._host.remove_handler, check_protocol(protocol))

    def handle_request(
        self, protocol: str, answer: Callable[[bytes, PeerId], Awaitable[bytes | str]], limit: int = MAX_REQUEST
    ) -> None:
        """Answer requests of a protocol, one response each.

        Args:
            protocol: its id, such as ``/shout/1.0.0``
            answer: ``async def answer(request, peer)``, which is given the request's bytes and the peer's id, and
                returns the response: bytes, or text as UTF-8. What it raises is an ``error`` event, and the
                requester's StreamError
            limit: the most bytes that a request may have (1 MiB)

        Raises:
            ValidationError: no protocol id, or no such function.

        Example:
            >>> async def shout(request, peer):
            ...     return request.upper()
            >>> bob.handle_request("/shout/1.0.0", shout)
            >>> alice.request(bob, "/shout/1.0.0", b"hello")
            b'HELLO'
        """
        checked = check_bytes(limit, "limit", MAX_TRANSFER)
        self._world.call(self._host.handle_request, check_protocol(protocol), answer, checked)

    @commanded("connections", "protocols alice", "serve bob /echo/1.0.0; protocols bob", result="protocols")
    def protocols(self) -> list[str]:
        """List the protocol ids it answers, as identify tells them."""
        return self._world.read(self._host.protocols)

    def streams(
        self, peer: Peer = None, protocol: str | None = None, connection: Connection | None = None
    ) -> list[NetStream]:
        """List its open streams, oldest first.

        Args:
            peer: only those to this peer; left out, all
            protocol: only those of this protocol; left out, all
            connection: only those on this connection; left out, all

        Raises:
            UnknownNodeError, PeerIdError, AddressError, ValidationError: there is no such peer or protocol id.
        """
        peers = None
        if peer is not None:
            peers = {one.peer for one in self._world.read(self._host.connections, self._peer(peer))}
        if protocol is not None:
            check_protocol(protocol)
        if connection is not None and not isinstance(connection, Connection):
            raise ValidationError(f"connection= is one of node.connections(), not {connection!r}")
        return [
            stream
            for stream in self._world.read(self._host.streams)
            if (peers is None or stream.peer in peers)
            and (protocol is None or stream.protocol == protocol)
            and (connection is None or stream.connection.id == connection.id)
        ]

    @commanded("seeing", "traffic alice", without=("since",))
    def traffic(self, since: TrafficTable | None = None) -> TrafficTable:
        """Show how many payload bytes it has exchanged, by peer and protocol; the busiest first.

        At most 1,000 pairs of a peer and a protocol are kept apart.

        Args:
            since: an earlier table of this node, from which on rates (bytes a second of lab time) are told; left out,
                since the lab began

        Returns:
            A table; its rows have ``peer``, ``protocol``, ``sent``, ``received``, ``sent_rate``, ``received_rate``.
        """
        from p2plab.stream.traffic import TrafficTable

        return TrafficTable(self._host.name, self._world.now, self._world.read(self._host.traffic_rows), since)
