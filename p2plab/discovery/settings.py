"""The ways in which a node finds others and is found, by name: what the setting ``discovery`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from p2plab.discovery.rendezvous.params import RendezvousParams, check_rendezvous
from p2plab.errors import ValidationError
from p2plab.errors.likely import did_you_mean
from p2plab.settings import setting

__all__ = ["DEFAULT", "NO_DISCOVERY", "WAYS", "DiscoverySettings", "check_discovery", "setting_of"]

WAYS: Final[dict[str, str]] = {
    "rendezvous": "registers at rendezvous points, and asks them (/rendezvous/1.0.0)",
    "dht": "a namespace is a key of the DHT, whose providers are the peers in it",
    "bootstrap": "dials the peers of the bootstrap list, and again when they are gone",
    "http": "asks the servers that node.routing.use('http://...') names who is in a namespace",
    "mdns": "asks the segment it is on who is there; a real node needs mdns=True as well",
    "random-walk": "looks up random keys in the DHT, and so meets peers",
    "peer-exchange": "dials the peers that a PRUNE of GossipSub recommends, and recommends others in its own",
    "pubsub": "advertises its topics in the other ways, and dials peers of a topic whose mesh has too few",
}
DEFAULT: Final = ("dht",)
"""What a node that was given none uses for ``advertise`` and ``find``; it does nothing by itself."""


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """A node's: the ways it was given (None: none), its rendezvous parameters, and its bootstrap list."""

    ways: tuple[str, ...] | None = None
    rendezvous: RendezvousParams | None = None
    bootstrap: tuple[str, ...] = ()

    def has(self, way: str) -> bool:
        """Whether it was given this way."""
        return way in (self.ways or ())

    @property
    def serves_rendezvous(self) -> bool:
        """Whether it was told to be a rendezvous point."""
        return self.rendezvous is not None and self.rendezvous.serve is True


NO_DISCOVERY: Final = DiscoverySettings()


def check_discovery(value: object) -> tuple[str, ...] | None:
    """A list of ways. ValidationError names the one that was likely meant."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise ValidationError(f"discovery={value!r}: take a list of {', '.join(WAYS)}")
    for one in value:
        if one not in WAYS:
            meant = did_you_mean(str(one), WAYS)
            raise ValidationError(
                f"discovery has {one!r}, which is no way to find peers: {meant}take {', '.join(WAYS)}"
            )
    ways = tuple(dict.fromkeys(value))
    if "pubsub" in ways and not set(ways) & {"rendezvous", "dht", "bootstrap", "mdns", "http"}:
        raise ValidationError(
            "discovery has 'pubsub' and no way in which peers of a topic could be found: add 'rendezvous' or 'dht'"
        )
    return ways


def setting_of(name: str) -> Any:
    """Declare ``discovery`` or ``rendezvous`` among the settings of a world's nodes."""
    if name == "discovery":
        help = f"in which ways a node finds others by itself: a list of {', '.join(WAYS)}"
        return setting(None, help, check=check_discovery, shown="none; node.discovery asks the DHT")
    help = "the rendezvous points: nodes, names or multiaddrs, or RendezvousParams"
    first = "the lab's first node that has discovery=['rendezvous']"
    return setting(None, help, check=check_rendezvous, shown=first)
