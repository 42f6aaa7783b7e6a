"""The settings of real nodes: what ``Lab("real", ...)`` and ``start_node(...)`` take by keyword, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from p2plab.admission import Admission, Authorization, Gate, Limits, Watermarks
from p2plab.admission.settings import SETTINGS as ADMISSION
from p2plab.admission.settings import check
from p2plab.constants import MAX_MESSAGE_SIZE
from p2plab.errors import MissingExtraError, ValidationError
from p2plab.kademlia import DhtParams, LibraryDhtParams
from p2plab.kademlia.params import checked_dht
from p2plab.protocols.bootstrap import check_bootstrap
from p2plab.pubsub import GossipSubParams, Router
from p2plab.pubsub.choice import check_params, check_router, check_toolkit
from p2plab.pubsub.message import Publication
from p2plab.pubsub.signing import STRICT_SIGN
from p2plab.real.outside.mdns import check_mdns
from p2plab.real.outside.own_host import HostFactory, check_host_factory
from p2plab.real.pubsub.choice import LIBRARY, TOOLKIT, check_pubsub, check_together
from p2plab.real.pylibp2p.remedies import Remedies, check_remedies
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

LOOPBACK: Final = TRANSPORTS["tcp"].shape


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What one node is started with. ``listen``: multiaddrs; ``transports``, ``security`` and ``muxers``: names, those
    preferred first; ``pubsub``: whose publish-subscribe; ``router``: a router's name, or a class for p2plab's."""

    listen: tuple[str, ...] = (LOOPBACK,)
    transports: tuple[str, ...] = ("tcp",)
    security: tuple[str, ...] = ("noise",)
    muxers: tuple[str, ...] = ("yamux",)
    psk: NetworkKey | None = None
    key_log: Path | None = None
    gossipsub: GossipSubParams = field(default_factory=GossipSubParams)
    pubsub: str = LIBRARY
    router: str | type[Router] = "gossipsub"
    signing: str = STRICT_SIGN
    message_id: Callable[[Publication], bytes] | None = None
    max_message_size: int = MAX_MESSAGE_SIZE
    dht: DhtParams | LibraryDhtParams = field(default_factory=LibraryDhtParams)
    remedies: Remedies = field(default_factory=Remedies)
    host_factory: HostFactory | None = None
    bootstrap: tuple[str, ...] = ()
    mdns: bool = False
    gate: Gate | None = None
    authorize: Authorization | None = None
    limits: Limits | None = None
    watermarks: Watermarks | None = None

    @property
    def admission(self) -> Admission:
        """Whom the node lets in."""
        return Admission(self.gate, self.authorize, self.limits, self.watermarks)

    def with_changes(self, settings: dict[str, Any]) -> NodeSettings:
        """The same with what a user asked for in its place. ValidationError for what is unknown or wrong."""
        known = [entry.name for entry in fields(self)]
        for name in settings:
            if name not in known:
                raise ValidationError(f"a real node has no setting {name!r}; it takes {', '.join(known)}")
        changes = {name: _CHECKS[name](value) for name, value in settings.items()}
        if "transports" in changes and "listen" not in changes:
            changes["listen"] = loopback(changes["transports"])
        if "listen" in changes and "transports" not in changes:
            changes["transports"] = transports_of(changes["listen"])
        return _together(replace(self, **changes))


def _together(settings: NodeSettings) -> NodeSettings:
    """The settings themselves, where they agree with each other. ValidationError."""
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
    check_together(settings)
    return settings


def without_secrets(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as they may be shown: a private network's key is known by its fingerprint."""
    return {name: check_psk(value) if name == "psk" else value for name, value in settings.items()}


def _check_of_toolkit(name: str, value: object) -> Any:
    check_toolkit({name: value})
    return value


_CHECKS: Final[dict[str, Callable[[object], Any]]] = {
    "listen": check_listen,
    "transports": check_transports,
    "security": check_security,
    "muxers": check_muxers,
    "psk": check_psk,
    "key_log": check_key_log,
    "gossipsub": check_params,
    "pubsub": check_pubsub,
    "router": check_router,
    **{name: partial(_check_of_toolkit, name) for name in TOOLKIT},
    "dht": checked_dht,
    "remedies": check_remedies,
    "host_factory": check_host_factory,
    "bootstrap": check_bootstrap,
    "mdns": check_mdns,
    **{name: partial(check, name) for name in ADMISSION},
}
