"""Hosts of the user's own making: ``host_factory=`` of a node, and ``lab.adopt(host)``.

The lab runs such a host and watches it like its others; the remedies of a host and its swarm are not applied, since
how it behaves is what is to be seen. Pubsub and the DHT of the node's verbs are put on it as on any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from libp2p.abc import IHost
from libp2p.crypto.keys import KeyPair, KeyType
from libp2p.host.basic_host import BasicHost
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from p2plab.errors import ConfigurationError, LabError, ValidationError
from p2plab.identity.keys import Identity
from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.pylibp2p.swarm import Answers, LabMultiselect
from p2plab.real.transports.muxed import see

__all__ = ["Given", "HostFactory", "check_host_factory", "made_by", "put_in"]


class HostFactory(Protocol):
    """Makes a py-libp2p host with this key pair. It is not to be run yet: the lab listens for it at ``listen``."""

    def __call__(self, key_pair: KeyPair, listen: Sequence[Multiaddr]) -> IHost: ...


class Given:
    """The factory that ``lab.adopt`` makes of a host: it gives that one, once."""

    def __init__(self, host: IHost) -> None:
        if not isinstance(host, BasicHost):
            raise ValidationError(f"adopt takes a host of py-libp2p's, such as new_host() gives, not {host!r}")
        self._host: IHost | None = host
        key = host.get_private_key()
        if key.get_type() is not KeyType.Ed25519:
            raise ConfigurationError("a lab's nodes have Ed25519 keys; make the host with an Ed25519 key pair")
        self._seed = key.to_bytes()[:32]

    def identity(self, name: str) -> Identity:
        """The host's, under the name that it has in the lab."""
        return Identity(self._seed, name)

    def __call__(self, key_pair: KeyPair, listen: Sequence[Multiaddr]) -> IHost:
        host, self._host = self._host, None
        if host is None:
            raise ConfigurationError("an adopted host lives once: adopt a new one")
        return host


def check_host_factory(factory: object) -> Any:
    """A callable. Raises ValidationError."""
    if not callable(factory):
        raise ValidationError(f"host_factory={factory!r}: take a function of a key pair and addresses")
    return factory


def made_by(factory: HostFactory, key_pair: KeyPair, listen: Sequence[Multiaddr]) -> IHost:
    """The host that a factory makes. ConfigurationError for what it raises."""
    try:
        return factory(key_pair, listen)
    except LabError:
        raise
    except Exception as error:
        named = getattr(factory, "__qualname__", type(factory).__name__)
        raise ConfigurationError(f"host_factory={named} raised {type(error).__name__}: {error}") from error


def put_in(host: object, expected: ID, answers: Answers) -> tuple[Any, Any]:
    """The swarm and the host of a user's making, made ready for a node's use. Raises ConfigurationError."""
    swarm = host.get_network() if isinstance(host, BasicHost) else None
    if not isinstance(host, BasicHost) or not isinstance(swarm, Swarm):
        raise ConfigurationError(f"host_factory gave {host!r}, and a node needs a BasicHost on a Swarm of py-libp2p's")
    if host.get_id() != expected:
        raise ConfigurationError(f"host_factory gave a host with another key: {host.get_id()} instead of {expected}")
    library = {
        protocol: handler
        for protocol, handler in host.multiselect.handlers.items()
        if protocol is None or answers.handler(protocol) is None
    }

    async def as_it_is(protocol: Any, handler: Callable[[Any], Any], stream: Any) -> None:
        await handler(stream)

    host.multiselect = LabMultiselect(library, answers, as_it_is)
    own: Any = swarm
    own.remedies, own.gater, own.handshakes, own.network = Remedies(), None, 0, None

    async def hang_up() -> None:
        for connection in swarm.get_connections():
            muxed: Any = connection
            await see(muxed.muxed_conn).hang_up()

    own.hang_up = hang_up
    return own, host
