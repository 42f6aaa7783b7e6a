"""``node.routing``: one way to ask for content and peers, whoever answers. What takes no lab time: ``RoutingFace``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from p2plab.api.aio.dht import A_CID, dht_peer
from p2plab.api.arguments import Peer, check_bytes, check_port, check_seconds, check_timeout, peer_argument
from p2plab.commanded import commanded
from p2plab.constants import MAX_TRANSFER
from p2plab.errors import ValidationError
from p2plab.errors.checked import list_of
from p2plab.errors.frames import Faced
from p2plab.routing.reputation import Standing, StandingTable
from p2plab.typing import PeerInfo

if TYPE_CHECKING:
    from p2plab.host.routing.service import RoutingServer, RoutingService
    from p2plab.identity.cid import Cid
    from p2plab.routing import RoutedLookup
    from p2plab.worlds import World

__all__ = ["AsyncRouting", "RoutingFace"]


class RoutingFace(Faced):
    """What both faces of a node's content routing share: what takes no lab time."""

    def __init__(self, inside: RoutingService, world: World) -> None:
        self._inside = inside
        self._world = world

    @property
    def routers(self) -> list[str]:
        """The names of the routers that it asks, in their order."""
        return self._world.read(lambda: list(self._inside.routers))

    @property
    def order(self) -> str:
        """``parallel`` (all are asked at once) or ``sequential`` (the next one when what came is not enough)."""
        return self._inside.order

    def use(self, *routers: Any, order: str | None = None, timeout: float | None = None) -> None:
        """Ask these routers from now on, in place of those before.

        Args:
            routers: ``"local"`` (what the node knows itself), ``"dht"``, in a real lab the URL of a server that routes
                over HTTP (``"https://delegated-ipfs.dev"``, or another node's ``routing.serve().address``), or an
                object of yours with a ``name`` and any of the verbs ``find_providers``, ``find_peer``, ``provide``,
                ``get``, ``put`` (see ``p2plab.routing.ContentRouter``)
            order: ``parallel`` or ``sequential``; left out, as it was
            timeout: seconds that each is waited for; left out, as long as it takes

        Raises:
            ValidationError: one of them is none, or two have one name; nothing has changed then.
            NotInThisWorldError: a URL in a mock lab.

        Example:
            >>> alice.routing.use("local", "dht", order="sequential")
            >>> alice.routing.routers, alice.routing.order
            (['local', 'dht'], 'sequential')
        """
        self._world.call(self._inside.set_routers, list(routers), order, check_timeout(timeout))

    def remember(
        self, cid: str | bytes | Cid, peer: Peer, addresses: Sequence[str] = (), ttl: float | None = None
    ) -> None:
        """Put a provider into the node's local index.

        Args:
            cid: a CID, text (bafkrei… or Qm…) or bytes
            peer: who provides it: a node, a node's name or a peer id
            addresses: its multiaddrs; left out, those that are known
            ttl: seconds of lab time that it is kept; 48 hours if left out

        Raises:
            ValidationError, UnknownNodeError, PeerIdError, AddressError: they are none.
        """
        given = [addresses] if isinstance(addresses, str) else list_of(addresses, "addresses")
        wanted = [str(address) for address in given]
        known = list(getattr(peer, "addresses", ())) if not wanted else wanted
        seconds = None if ttl is None else check_seconds(ttl, "ttl")
        self._world.call(self._inside.remember, cid, peer_argument(peer, self._world), known, seconds)

    def stop_providing(self, cid: str | bytes | Cid) -> bool:
        """Stop announcing a CID.

        Args:
            cid: the CID that ``provide`` was given

        Returns:
            Whether this node did announce it.
        """
        return self._world.call(self._inside.stop_providing, cid)

    @commanded("routing", "routing_judge alice bob 'bad block'; routing_reputation alice")
    def reputation(self) -> StandingTable:
        """Show what the node has seen of those it took content from, the best first, and how it scores them.

        A score lies between 0 and 1, 0.375 for a peer nothing is known of: reliability, times correctness, times speed.
        All of it is forgotten by and by, half in eleven minutes of lab time. ``node.why(peer)`` says it too.

        Returns:
            A table of ``peer``, ``score``, ``deliveries``, ``failures``, ``bad``, ``rate`` (bytes a second), ``last``
            (seconds of lab time) and ``refused``.
        """
        names = {str(host.peer_id): name for name, host in self._world.hosts().items()}
        rows = self._world.read(lambda: self._inside.reputation.rows())
        return StandingTable(rows, lambda peer: names.get(peer, "…" + peer[-6:]))

    def rank(self, peers: Sequence[PeerInfo]) -> list[PeerInfo]:
        """Sort providers as a fetch asks them: the best first, those it refuses last.

        Args:
            peers: such as ``find_providers(cid).providers``

        Raises:
            ValidationError: one of them is no PeerInfo.
        """
        known = list_of(peers, "peers", "find_providers(cid).providers")
        for peer in known:
            if not isinstance(peer, PeerInfo):
                raise ValidationError(f"rank takes PeerInfos, such as find_providers(cid).providers, not {peer!r}")
        return self._world.read(lambda: self._inside.reputation.rank(known))

    @commanded("routing", "routing_judge alice bob delivered size=65536 seconds=0.1", takes={"size": "Amount"})
    def judge(self, peer: Peer, outcome: str, size: int = 0, seconds: float = 0.0) -> Standing:
        """Tell the node what came of asking a peer for content, by a protocol of one's own; fetches do so themselves.

        Args:
            peer: a node, a node's name or a peer id
            outcome: ``delivered``, ``failed``, or ``bad block`` (what came was not what was asked for)
            size: bytes that came
            seconds: how long they took

        Returns:
            How the peer stands now; ``why()`` says it in a sentence.

        Raises:
            ValidationError, UnknownNodeError, PeerIdError: no such outcome or peer.

        Example:
            >>> alice.routing.judge(bob, "delivered", size=65536, seconds=0.1).score > 0.375
            True
            >>> alice.routing.judge(carol, "bad block").score < 0.375
            True
        """
        amount, took = check_bytes(size, "size", MAX_TRANSFER), check_seconds(seconds, "seconds")
        return self._world.call(self._inside.reputation.judge, peer_argument(peer, self._world), outcome, amount, took)

    def stop_serving(self) -> None:
        """Serve over HTTP no longer; nothing, if it does not."""
        self._world.call(self._inside.stop_serving)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self.routers)}, {self.order}>"


class AsyncRouting(RoutingFace):
    """``node.routing`` of an AsyncNode: a verb that takes lab time returns when it is done.

    Every verb gives a ``RoutedLookup``: a Lookup whose ``answers`` say what each router answered, and in what time.
    """

    @commanded(
        "routing", f"routing_provide alice {A_CID}; routing_find_providers bob {A_CID}", takes={"count": "Amount"}
    )
    async def find_providers(
        self, cid: str | bytes | Cid, count: int | None = None, timeout: float | None = None
    ) -> RoutedLookup:
        """Find who provides some content, by every router.

        Args:
            cid: a CID, text (bafkrei… or Qm…) or bytes
            count: how many providers end the search (0: none do); left out, 20
            timeout: seconds after which what was found is given; left out, as long as the routers take

        Returns:
            The Lookup: ``providers`` is a list of PeerInfo, each peer once; ``answers`` what each router said.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"
            >>> announced = await alice.routing.provide(cid)
            >>> found = await bob.routing.find_providers(cid)
            >>> [peer.name for peer in found.providers]
            ['alice']
            >>> [(answer.router, answer.answer) for answer in found.answers]
            [('local', '0 providers'), ('dht', '1 provider (nobody left)')]
        """
        return await self._world.arun(self._inside.find_providers, cid, count, check_timeout(timeout))

    @commanded("routing", "routing_find_peer alice bob")
    async def find_peer(self, peer: object, timeout: float | None = None) -> RoutedLookup:
        """Find a peer and its addresses, by the first router that knows it.

        Args:
            peer: a node, a node's name or a peer id
            timeout: seconds after which it is given up; left out, as long as the routers take

        Returns:
            The Lookup: ``peer`` is a PeerInfo, or None.

        Raises:
            ValidationError, UnknownNodeError, PeerIdError: it names no peer, or the node itself.

        Example:
            >>> (await alice.routing.find_peer(carol.peer_id)).peer.name
            'carol'
        """
        return await self._world.arun(self._inside.find_peer, dht_peer(peer), check_timeout(timeout))

    @commanded("routing", f"routing_provide alice {A_CID}")
    async def provide(self, cid: str | bytes | Cid, timeout: float | None = None) -> RoutedLookup:
        """Announce to every router that the node provides some content, now and again later.

        Args:
            cid: a CID, text (bafkrei… or Qm…) or bytes
            timeout: seconds after which it is given up; left out, as long as the routers take

        Returns:
            The Lookup: ``found`` is whether any router took it, ``peers`` who was told.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = await alice.content.add(b"hello")
            >>> (await alice.routing.provide(cid)).found
            True
        """
        return await self._world.arun(self._inside.provide, cid, check_timeout(timeout))

    @commanded("routing", "dht_put alice /lab/greeting hi; routing_get bob /lab/greeting")
    async def get(self, key: str | bytes, timeout: float | None = None) -> RoutedLookup:
        """Find a value, by the first router that has it.

        Args:
            key: a path such as /lab/greeting, or a raw key (bytes)
            timeout: seconds after which it is given up; left out, as long as the routers take

        Returns:
            The Lookup: ``value`` is bytes, or None.

        Raises:
            ValidationError: no known namespace.

        Example:
            >>> stored = await alice.routing.put("/lab/greeting", b"hi")
            >>> (await bob.routing.get("/lab/greeting")).value
            b'hi'
        """
        return await self._world.arun(self._inside.get, key, check_timeout(timeout))

    @commanded("routing", "routing_put alice /lab/greeting hi")
    async def put(self, key: str | bytes, value: bytes | str, timeout: float | None = None) -> RoutedLookup:
        """Store a value with every router that stores values.

        Args:
            key: a path such as /lab/greeting, whose namespace is known, or a raw key (bytes)
            value: bytes, or text as UTF-8
            timeout: seconds after which it is given up; left out, as long as the routers take

        Returns:
            The Lookup: ``found`` is whether any router took it, ``peers`` who was told.

        Raises:
            ValidationError: no known namespace, or a value that no router takes.

        Example:
            >>> (await alice.routing.put("/lab/greeting", b"hi")).found
            True
        """
        return await self._world.arun(self._inside.put, key, value, check_timeout(timeout))

    @commanded("routing", "routing_serve alice", worlds="real", without=("port",))
    async def serve(self, port: int = 0) -> RoutingServer:
        """Serve the node's content routing over HTTP on the loopback (IPIP-337), for programs that speak no libp2p.

        ``/routing/v1/providers/CID``, ``/peers/ID``, ``/ipns/NAME`` (GET and PUT) and ``/dht/closest/peers/KEY``, as
        JSON or ndjson, with filters. It ends with ``stop_serving``, or with the node; a node that comes back serves
        again.

        Args:
            port: a port of 127.0.0.1; 0 for a free one

        Returns:
            The server: ``address`` is its URL. A node has one; called again, it gives that one.

        Raises:
            NotInThisWorldError: in a mock lab, whose nodes nobody outside can reach.
            ConfigurationError: the port cannot be had.
        """
        return await self._world.arun(self._inside.serve, check_port(port))
