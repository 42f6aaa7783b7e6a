# Made of p2plab/api/aio/discovery.py by `python p2plab/api/generate.py`: change that file and run it again.

"""``node.discovery``: how a node finds others and is found. What takes no lab time stands in ``DiscoveryFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.api.aio.discovery import DiscoveryFace, _limit, _seconds
from p2plab.api.arguments import check_timeout
from p2plab.discovery.rendezvous.params import check_namespace
from p2plab.errors import ValidationError
from p2plab.typing import PeerInfo

if TYPE_CHECKING:
    from p2plab.discovery import Advertisement

__all__ = ["Discovery"]


class Discovery(DiscoveryFace):
    """``node.discovery`` of a Node: a verb that takes lab time returns when it is done.

    A namespace is text of 1 to 255 bytes. Which ways a node has, ``Lab(discovery=[...])`` says, or ``start_node``: left
    out, these verbs use the DHT.
    """

    def advertise(self, namespace: str, ttl: float | None = None) -> Advertisement:
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
            >>> told = alice.discovery.advertise("chess")
            >>> told.by
            ('dht',)
        """
        return self._world.run(self._inside.advertise, check_namespace(namespace), _seconds(ttl))

    def find(
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
            >>> told = alice.discovery.advertise("chess")
            >>> [(peer.name, peer.found_by) for peer in bob.discovery.find("chess")]
            [('alice', ('dht',))]
        """
        if role is not None:
            if namespace is not None:
                raise ValidationError("find takes a namespace or role=, not both")
            named = self._world.roles[role].name
            return self._world.run(self._inside.roles.find, named, _limit(limit), check_timeout(timeout))
        wanted = None if namespace is None else check_namespace(namespace)
        return self._world.run(self._inside.find, wanted, _limit(limit), check_timeout(timeout))

    def withdraw(self, namespace: str) -> bool:
        """Have others find the node under a namespace no more; the DHT forgets it when its record ends.

        Args:
            namespace: the namespace that ``advertise`` was given

        Returns:
            Whether every way could be told.

        Example:
            >>> told = alice.discovery.advertise("chess")
            >>> alice.discovery.withdraw("chess")
            True
        """
        return self._world.run(self._inside.withdraw, check_namespace(namespace))
