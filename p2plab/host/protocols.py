"""What a world gives, so that nodes can live in it: ``HostWorld``, ``HostConnection`` and ``HostStream``.

How to add a world. Make a folder with a class of each of these, and derive its nodes from ``Host``, filling in what is
marked there as the world's: ``awake``, ``dial``, ``listen_addresses``, ``spawn`` and the verbs of a node's life. When a
connection is ready at either end, call ``host.connection_opened``; when it is gone, ``host.connection_closed``; when a
peer opens a stream on it, ``host.switch.answer``; when the node goes, ``note_dialled`` and, at last, ``is_down``.
Everything else is the Host's: ping, identify, capabilities, streams, requests, dialling by name, peer id or address,
the address book, admission. ``tests/unit/host/toy.py`` is a world of 170 lines.

How to bind a protocol once, for every world. One that only answers is a handler over ``NetStream``, in a file of
``p2plab/protocols``: name it in ``Host.built_in`` and ``Switch``. One with a core that has state: write the core, and a
``HostService`` in ``p2plab/host`` that is given the ``Host`` and

- answers with ``host.handle(protocol, handler)``, in ``begin``;
- asks with ``await host.open_stream(peer, [protocol])``, which dials if it must;
- takes the time, timers and random numbers from ``host.world.runtime``, and starts tasks with ``host.spawn``, which
  ends them with the node;
- records with ``host.record(kind, peer, ...)``, and reports what a user's code raised with ``host.reporter(reason)``;
- hears of peers, and of the node's coming and going, by the methods it overrides.

A verb of a face is then ``world.run(TheService.of(host).verb, ...)``; one that acts begins with ``self.use()``.
``tests/unit/host/test_service.py`` binds ``/time/1.0.0`` in 20 lines and runs it in three worlds.

Peers are indices of the event log inside the house: small ints, the same in rows and in cores. ``world.index_of`` and
``world.peer_id_at`` turn them into peer ids and back; texts that users give go through ``host.names``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from p2plab.stream.raw import RawStream
from p2plab.typing import Connection, Direction, PeerId, Runtime

if TYPE_CHECKING:
    from p2plab.admission.ledger import Admitted
    from p2plab.discovery.names.resolve import NameServer
    from p2plab.events import EventLog
    from p2plab.host.basis import HostBasis
    from p2plab.host.names import Target
    from p2plab.identity.address import Address
    from p2plab.protocols.identify import Identify
    from p2plab.pubsub import GossipSubParams, Message, TopicQueue
    from p2plab.roles import RoleTable

__all__ = ["HostConnection", "HostPubsub", "HostStream", "HostWorld", "HttpListening", "PeerListener"]


class HostStream(RawStream, Protocol):
    """A stream of a connection, as the host sees it."""

    weight: int  # its share of the connection, see ``stream.priorities``
    entry: Admitted | None  # what it takes, where the node counts that
    when_gone: Callable[[str], None] | None  # called with the reason, when it is torn down under its user

    def agreed(self, protocol: str) -> None:
        """The two ends have agreed on this protocol."""

    async def refused(self) -> None:
        """The peer refused every protocol that was asked for: free what the stream holds."""

    @property
    def turned_away(self) -> int | None:
        """The event that says what the other end had against this stream, where that is known."""

    def turn_away(self, event: int) -> None:
        """Let the other end know the event that says what this end has against the stream."""


class HostConnection(Protocol):
    """A connection that is ready: secured and multiplexed."""

    @property
    def id(self) -> int:
        """A number that both ends know it by."""

    @property
    def peer(self) -> int:
        """The index of the peer."""

    @property
    def direction(self) -> Direction: ...

    @property
    def info(self) -> Connection:
        """As a user sees it: addresses, transport, security, muxer."""

    @property
    def usable(self) -> bool:
        """Whether neither end has begun to close it, as far as this one knows."""

    async def open_stream(self, weight: int, entry: Admitted | None = None) -> HostStream:
        """A new stream, on which nothing is agreed yet. StreamError of kind ``limit`` or ``reset``."""

    def open_streams(self) -> Iterable[HostStream]:
        """Those that have not ended."""

    def close(self, reason: str) -> None:
        """Close it from this end, for the cause of what is happening now."""


class HostWorld(Protocol):
    """The world around a host."""

    seed: int
    stream_window: int  # bytes that a peer may send ahead of the reader of a stream

    @property
    def events(self) -> EventLog: ...
    @property
    def runtime(self) -> Runtime: ...
    @property
    def roles(self) -> RoleTable:
        """What nodes can be there for."""

    @property
    def names(self) -> NameServer:
        """Who resolves the names that addresses begin with."""

    @property
    def face(self) -> Callable[[Any], Any]:
        """What handlers find at ``stream.node``."""

    def find(self, target: str) -> HostBasis[Any] | None:
        """The node of this name or peer id; None where there is none, and for an address."""

    def hosts(self) -> Mapping[str, Any]:
        """Its nodes by their names."""

    def outsider(self, target: str) -> Target | None:
        """A node outside the lab that it knows by this name or peer id."""

    def listener_at(self, address: Address) -> HostBasis[Any] | None:
        """Who of the lab listens there."""

    def index_of(self, peer_id: PeerId) -> int:
        """What stands for a peer in the log; -1 for one that it will never have anything to say of."""

    def peer_id_at(self, index: int) -> PeerId:
        """The peer that an index stands for."""

    def wire_time(self) -> int:
        """The time that others are told: nanoseconds of unix time."""


class HostPubsub(Protocol):
    """What takes no time; peers are indices. ClosedError where the world does not let a node that is down do it."""

    def subscribe(self, topic: str) -> TopicQueue: ...

    def unsubscribe(self, queue: TopicQueue) -> None: ...

    def publish(self, topic: str, data: bytes) -> Message: ...

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> object: ...

    def topics(self) -> list[str]: ...

    def topic_peers(self, topic: str) -> Sequence[int]: ...

    def mesh(self, topic: str) -> Sequence[int]: ...

    def fanout(self, topic: str) -> Sequence[int]: ...

    def scores(self) -> dict[int, dict[str, Any]]: ...

    def params(self) -> GossipSubParams: ...

    def set_params(self, params: GossipSubParams) -> None: ...


class HttpListening(Protocol):
    """An HTTP server of a node."""

    address: str
    port: int

    @property
    def is_closed(self) -> bool: ...

    def close(self) -> None: ...


class PeerListener(Protocol):
    """Who is told of a host's peers: first that one is there, then (once identify is done, and again when it pushes)
    what it speaks, at last that its last connection has gone."""

    def peer_connected(self, connection: HostConnection) -> None: ...

    def peer_identified(self, peer: int, said: Identify) -> None: ...

    def peer_disconnected(self, peer: int) -> None: ...
