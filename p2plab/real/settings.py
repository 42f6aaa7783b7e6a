"""The settings of real nodes: what ``Lab("real", ...)`` and ``start_node(...)`` take by keyword, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from p2plab.address import parse_address
from p2plab.errors import ValidationError
from p2plab.kademlia import DhtParams, LibraryDhtParams
from p2plab.kademlia.params import checked_dht
from p2plab.pubsub import GossipSubParams
from p2plab.real.remedies import Remedies, check_remedies
from p2plab.real.routers import check_params, check_router
from p2plab.real.transports import check_muxers, check_security, check_transports

LOOPBACK: Final = "/ip4/127.0.0.1/tcp/0"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What one node is started with. ``listen``: multiaddrs; ``transports``, ``security`` and ``muxers``: names, those
    preferred first; ``router``: the name of one of py-libp2p's."""

    listen: tuple[str, ...] = (LOOPBACK,)
    transports: tuple[str, ...] = ("tcp",)
    security: tuple[str, ...] = ("noise",)
    muxers: tuple[str, ...] = ("yamux",)
    gossipsub: GossipSubParams = field(default_factory=GossipSubParams)
    router: str = "gossipsub"
    dht: DhtParams | LibraryDhtParams = field(default_factory=LibraryDhtParams)
    remedies: Remedies = field(default_factory=Remedies)

    def with_changes(self, settings: dict[str, Any]) -> NodeSettings:
        """The same with what a user asked for in its place. ValidationError for what is unknown or wrong."""
        known = [entry.name for entry in fields(self)]
        for name in settings:
            if name not in known:
                raise ValidationError(f"a real node has no setting {name!r}; it takes {', '.join(known)}")
        return replace(self, **{name: _CHECKS[name](value) for name, value in settings.items()})


def check_listen(listen: object) -> tuple[str, ...]:
    """Multiaddrs to listen at. AddressError or ValidationError."""
    wanted = [listen] if isinstance(listen, str) else listen
    if not isinstance(wanted, (list, tuple)) or not wanted:
        raise ValidationError(f"listen is a multiaddr such as {LOOPBACK!r}, or a list of them, not {listen!r}")
    addresses = [parse_address(address) for address in wanted]
    for address in addresses:
        if address.transport != "tcp" or address.peer_id is not None or address.ip is None:
            raise ValidationError(f"a node listens at addresses like {LOOPBACK}, and {address} is not like that")
    return tuple(address.base for address in addresses)


_CHECKS: Final[dict[str, Callable[[object], Any]]] = {
    "listen": check_listen,
    "transports": check_transports,
    "security": check_security,
    "muxers": check_muxers,
    "gossipsub": check_params,
    "router": check_router,
    "dht": checked_dht,
    "remedies": check_remedies,
}
