"""``node.discovery``: how a node finds others and is found. What takes no lab time stands in ``DiscoveryFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.api.arguments import check_timeout
from p2plab.commanded import commanded
from p2plab.discovery.rendezvous.params import check_namespace
from p2plab.errors import ValidationError
from p2plab.errors.frames import Faced
from p2plab.typing import PeerInfo

if TYPE_CHECKING:
    from p2plab.discovery import Advertisement
    from p2plab.host.discovery import DiscoveryService
    from p2plab.worlds import World

__all__ = ["AsyncDiscovery", "DiscoveryFace"]

MOST = 10_000
LONGEST = 366 * 24 * 3600.0


class DiscoveryFace(Faced):
    """What both faces of a node's discovery share: what takes no lab time."""

    def __init__(self, inside: DiscoveryService, world: World) -> None:
        self._inside = inside
        self._world = world

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways in which it finds others, as ``Lab(discovery=[...])`` or ``start_node`` gave them."""
        return tuple(self._inside.ways)

    def found_by(self, peer: object) -> tuple[str, ...]:
        """Say by which ways the node has found a peer.

        Args:
            peer: a node, a node's name or a peer id

        Returns:
            Names of ways, in the order in which they found it; none where it was not discovery.

        Raises:
            UnknownNodeError, PeerIdError: it names no peer.
        """
        from p2plab.api.aio.dht import dht_peer

        return self._world.read(self._inside.found_by, dht_peer(peer))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._inside!r}>"


class AsyncDiscovery(DiscoveryFace):
    """``node.discovery`` of an AsyncNode: a verb that takes lab time returns when it is done.

    A namespace is text of 1 to 255 bytes. Which ways a node has, ``Lab(discovery=[...])`` says, or ``start_node``: left
    out, these verbs use the DHT.
    """

    @commanded("discovery", "discovery_advertise alice chess", takes={"ttl": "Timeout", "namespace": "Namespace"})
    async def advertise(self, namespace: str, ttl: float | None = None) -> Advertisement:
        """Have others find the node under a namespace, in every way that it has.

        Args:
            namespace: text of 1 to 255 bytes, such as chess
            ttl: seconds after which it is not found any more; left out, it is advertised again and again, until
                ``withdraw``. The DHT keeps what it was told, whatever is given

        Returns:
            Advertisement: ``ttl`` (seconds), ``renewed``, ``by`` (the ways that took it), ``failures`` of others.

        Raises:
            DiscoveryError: no way took it; ``code`` is a rendezvous point's, such as E_INVALID_TTL
                (rendezvous/README.md).

        Example:
            >>> told = await alice.discovery.advertise("chess")
            >>> told.by
            ('dht',)
        """
        return await self._world.arun(self._inside.advertise, check_namespace(namespace), _seconds(ttl))

    @commanded(
        "discovery",
        "discovery_advertise alice chess; discovery_find bob namespace=chess",
        "start_node erin role=pinner; connect bob erin; discovery_find bob role=pinner",
        takes={"limit": "Count", "namespace": "Namespace", "role": "RoleName"},
    )
    async def find(
        self,
        namespace: str | None = None,
        limit: int = 100,
        timeout: float | None = None,
        role: str | None = None,
    ) -> list[PeerInfo]:
        """Find who is in a namespace, or has a role; their addresses are known from then on, and nobody is dialled.

        Args:
            namespace: text of 1 to 255 bytes; left out, anybody
            limit: how many peers at most
            timeout: seconds after which what was found by then is returned; left out, until every way has answered
            role: in place of a namespace, a role out of ``lab.roles``: those who say that they have it, by identify, on
                the topic of roles, or by discovery

        Returns:
            PeerInfo for each, with ``found_by``: the ways by which this node has found it. The node itself is not
            among them.

        Raises:
            DiscoveryError: every way failed; ``failures`` says why.
            ValidationError: a namespace and a role, or a role that there is not.

        Example:
            >>> told = await alice.discovery.advertise("chess")
            >>> [(peer.name, peer.found_by) for peer in await bob.discovery.find("chess")]
            [('alice', ('dht',))]
        """
        if role is not None:
            if namespace is not None:
                raise ValidationError("find takes a namespace or role=, not both")
            named = self._world.roles[role].name
            return await self._world.arun(self._inside.roles.find, named, _limit(limit), check_timeout(timeout))
        wanted = None if namespace is None else check_namespace(namespace)
        return await self._world.arun(self._inside.find, wanted, _limit(limit), check_timeout(timeout))

    @commanded(
        "discovery",
        "discovery_advertise alice chess; discovery_withdraw alice chess",
        result="withdrawn",
        echo=("namespace",),
        takes={"namespace": "Namespace"},
    )
    async def withdraw(self, namespace: str) -> bool:
        """Have others find the node under a namespace no more; the DHT forgets it when its record ends.

        Args:
            namespace: the namespace that ``advertise`` was given

        Returns:
            Whether every way could be told.

        Example:
            >>> told = await alice.discovery.advertise("chess")
            >>> await alice.discovery.withdraw("chess")
            True
        """
        return await self._world.arun(self._inside.withdraw, check_namespace(namespace))


def _seconds(ttl: Any) -> float | None:
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)) or not 0 < ttl <= LONGEST:
        raise ValidationError(f"ttl={ttl!r}: take seconds above 0, or nothing to have it renewed")
    return float(ttl)


def _limit(limit: Any) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST:
        raise ValidationError(f"limit={limit!r}: take a whole number from 1 to {MOST:,}")
    return limit
