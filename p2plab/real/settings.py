"""The settings of real nodes: what ``Lab("real", ...)`` and ``start_node(...)`` take by keyword, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from p2plab.admission import Admission, Authorization, Gate, Limits, Watermarks
from p2plab.admission.settings import setting_of as admission_setting
from p2plab.constants import MAX_MESSAGE_SIZE
from p2plab.discovery.bootstrap import check_bootstrap
from p2plab.discovery.rendezvous.params import RendezvousParams
from p2plab.discovery.settings import setting_of as discovery_setting
from p2plab.errors import ConfigurationError, MissingExtraError, ValidationError
from p2plab.events.log import LIMIT
from p2plab.kademlia import DhtParams, LibraryDhtParams
from p2plab.kademlia.params import checked_dht
from p2plab.nat import AutoRelayParams, RelayParams
from p2plab.nat.settings import check_autorelay, check_nat, check_relay
from p2plab.pubsub import GossipSubParams, Router
from p2plab.pubsub.choice import check_params, check_router, check_toolkit, with_exchange
from p2plab.pubsub.message import STRICT_SIGN, Publication
from p2plab.real.outside.mdns import check_mdns
from p2plab.real.outside.own_host import HostFactory, check_host_factory
from p2plab.real.pubsub.choice import LIBRARY, check_pubsub, check_together
from p2plab.real.pylibp2p.remedies import Remedies, check_remedies
from p2plab.real.pylibp2p_bitswap.choice import OWN, check_bitswap
from p2plab.real.taps.keys import check_key_log
from p2plab.real.transports.choices import (
    TRANSPORTS,
    check_listen,
    check_muxers,
    check_security,
    check_transports,
    loopback,
    missing,
    transport_of,
    transports_of,
)
from p2plab.real.transports.private.network_key import NetworkKey, check_psk
from p2plab.roles.table import ROLE_SETTING
from p2plab.settings import Setting, declared, refuse_unknown, setting

LOOPBACK: Final = TRANSPORTS["tcp"].shape


def _check_of_toolkit(name: str, value: object) -> Any:
    check_toolkit({name: value})
    return value


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What one node is started with. ``listen``: multiaddrs; ``transports``, ``security`` and ``muxers``: names, those
    preferred first; ``pubsub``: whose publish-subscribe; ``router``: a router's name, or a class for p2plab's."""

    listen: tuple[str, ...] = setting(
        (LOOPBACK,),
        "multiaddrs that a node listens at",
        check=check_listen,
        shown=f"a free port of the loopback: {LOOPBACK}",
    )
    transports: tuple[str, ...] = setting(
        ("tcp",), "transports by name, those preferred first", check=check_transports, shown="tcp"
    )
    security: tuple[str, ...] = setting(
        ("noise",), "security protocols of connections, those preferred first", check=check_security, shown="noise"
    )
    muxers: tuple[str, ...] = setting(
        ("yamux",), "muxers of connections, those preferred first", check=check_muxers, shown="yamux"
    )
    psk: NetworkKey | None = setting(
        None,
        "the key of a private network: hex, swarm.key text, or a path",
        check=check_psk,
    )
    key_log: Path | None = setting(
        None, "a file that the secrets of TLS and QUIC connections are written to, for Wireshark", check=check_key_log
    )
    gossipsub: GossipSubParams = setting(
        None,
        "GossipSubParams: how the router goes about it",
        check=check_params,
        factory=GossipSubParams,
        shown="GossipSubParams.spec()",
    )
    pubsub: str = setting(
        LIBRARY, "libp2p for py-libp2p's own routers, p2plab for those that mock nodes have", check=check_pubsub
    )
    router: str | type[Router] = setting(
        "gossipsub",
        "gossipsub, floodsub, or with pubsub='p2plab' a subclass of one of p2plab's",
        check=check_router,
    )
    signing: str = setting(
        STRICT_SIGN, "StrictSign or, with pubsub='p2plab', StrictNoSign", check=partial(_check_of_toolkit, "signing")
    )
    message_id: Callable[[Publication], bytes] | None = setting(
        None,
        "with pubsub='p2plab': a function of a Publication that gives its id as bytes",
        check=partial(_check_of_toolkit, "message_id"),
        shown="as the specs have it",
    )
    max_message_size: int = setting(
        MAX_MESSAGE_SIZE,
        "with pubsub='p2plab': bytes of a pubsub RPC at most",
        check=partial(_check_of_toolkit, "max_message_size"),
    )
    dht: DhtParams | LibraryDhtParams = setting(
        None,
        "libp2p for py-libp2p's own KadDHT (LibraryDhtParams(...) says how), or p2plab's Kademlia: p2plab, or "
        "DhtParams(...), since py-libp2p has no such parameters",
        check=checked_dht,
        factory=LibraryDhtParams,
        shown="libp2p",
    )
    bitswap: str = setting(
        OWN,
        "p2plab for the core that mock nodes have, libp2p for py-libp2p's Bitswap, of which nobody but py-libp2p gets "
        "a block",
        check=check_bitswap,
    )
    remedies: Remedies = setting(
        None,
        "which of p2plab.real.pylibp2p.remedies.REMEDIES are off, to study the fault: {'heartbeat': False}",
        check=check_remedies,
        factory=Remedies,
        shown="all are on",
    )
    host_factory: HostFactory | None = setting(
        None,
        "a function of a key pair and addresses that makes a node's py-libp2p host, not yet running",
        check=check_host_factory,
    )
    bootstrap: tuple[str, ...] = setting(
        (),
        "peers that a node dials when it starts, to join the DHT: multiaddrs, or nodes",
        check=check_bootstrap,
        shown="none",
    )
    discovery: tuple[str, ...] | None = discovery_setting("discovery")
    rendezvous: RendezvousParams | None = discovery_setting("rendezvous")
    role: Any = setting(None, ROLE_SETTING, "node")
    nat: str | None = setting(
        None,
        "p2plab for its AutoNAT, relays (circuit v2, AutoRelay) and hole punching (DCUtR); libp2p for servers of "
        "AutoNAT and relays that are py-libp2p's own; a lab with a relay or a NAT has p2plab's at every other node",
        check=check_nat,
    )
    relay: RelayParams | None = setting(
        None,
        "RelayParams of nodes that relay for others",
        check=check_relay,
        shown="RelayParams(), go-libp2p's limits",
    )
    autorelay: AutoRelayParams | None = setting(
        None,
        "AutoRelayParams of nodes that want relays",
        check=check_autorelay,
        shown="AutoRelayParams(), without go's boot delay",
    )
    mdns: bool = setting(False, "True: the node multicasts, to find others and to be found", check=check_mdns)
    gate: Gate | None = admission_setting("gate")
    authorize: Authorization | None = admission_setting("authorize")
    limits: Limits | None = admission_setting("limits")
    watermarks: Watermarks | None = admission_setting("watermarks")

    @property
    def admission(self) -> Admission:
        """Whom the node lets in."""
        return Admission(self.gate, self.authorize, self.limits, self.watermarks)

    def with_changes(self, settings: dict[str, Any]) -> NodeSettings:
        """The same with what a user asked for in its place. ValidationError for what is unknown or wrong."""
        known = declared(self)
        refuse_unknown(settings, known, "a real node", whole=SETTINGS)
        changes = {name: _checked(known[name], value) for name, value in settings.items()}
        if "transports" in changes and "listen" not in changes:
            changes["listen"] = loopback(changes["transports"])
        if "listen" in changes and "transports" not in changes:
            changes["transports"] = transports_of(changes["listen"])
        return _together(replace(self, **changes))


def _together(settings: NodeSettings) -> NodeSettings:
    """The settings themselves, where they agree with each other. Raises ValidationError, ConfigurationError."""
    Admission(settings.gate, settings.authorize, settings.limits, settings.watermarks)
    for name in settings.transports:
        if missing(name):
            raise MissingExtraError(f"{TRANSPORTS[name].what} needs {missing(name)}")
    for address in settings.listen:
        if transport_of(address) not in settings.transports:
            raise ValidationError(
                f"listen={address!r} needs transport {transport_of(address)!r}, and transports has only "
                f"{', '.join(settings.transports)}"
            )
    unfit = [name for name in settings.transports if not TRANSPORTS[name].upgraded]
    if settings.psk is not None and unfit:
        raise ValidationError(
            f"a private network (psk) does not go over {', '.join(unfit)}, which encrypt by themselves from the first "
            f"byte on (libp2p/specs has none over them); take transports among "
            f"{', '.join(name for name, kind in TRANSPORTS.items() if kind.upgraded)}"
        )
    if "mdns" in (settings.discovery or ()) and not settings.mdns:
        raise ConfigurationError(
            "discovery has 'mdns', which multicasts on every interface of this machine: say mdns=True too, or take a "
            "mock lab, where it goes over a simulated segment"
        )
    check_together(settings)
    wanted = with_exchange(settings.gossipsub, "peer-exchange" in (settings.discovery or ()))
    return settings if wanted is settings.gossipsub else replace(settings, gossipsub=wanted)


def without_secrets(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as they may be shown: a private network's key is known by its fingerprint."""
    return {name: check_psk(value) if name == "psk" else value for name, value in settings.items()}


def _checked(setting: Setting, value: Any) -> Any:
    return value if setting.check is None else setting.check(value)


@dataclass(frozen=True, slots=True)
class LabSettings:
    """What a real lab takes beside the settings of its nodes."""

    home: str | Path | None = setting(
        None, "a directory from which the same nodes come back: keys, ports, address books, DHT records", "lab"
    )
    recording: str = setting("messages", "how much the event log keeps: counters, decisions, messages or all", "lab")
    log_limit: int = setting(LIMIT, "how many rows the event log keeps at most; the oldest go", "lab")


SETTINGS: Final = declared(NodeSettings, "lab") | declared(LabSettings, "lab")
NODE_SETTINGS: Final = declared(NodeSettings, "node")
