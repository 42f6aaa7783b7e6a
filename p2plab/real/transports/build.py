"""From a node's checked settings to the library's objects that its connections are made with.

One function each for transports, security and muxers; ``Stack`` calls them and nobody else does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from libp2p.abc import ISecureTransport, ITransport
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TMuxerClass, TProtocol
from libp2p.peer.id import ID
from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport
from libp2p.security.noise.transport import Transport as Noise
from libp2p.security.tls.transport import PROTOCOL_ID as TLS_ID
from libp2p.security.tls.transport import IdentityConfig, TLSTransport
from libp2p.stream_muxer.mplex.mplex import MPLEX_PROTOCOL_ID, Mplex
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.tcp.tcp import TCP

from p2plab.constants import NOISE_ID, YAMUX_ID
from p2plab.real.taps.keys import log_tls_keys
from p2plab.real.transports.certificate import bare_certificate
from p2plab.real.transports.ends import Refused
from p2plab.real.transports.memory import MemoryTransport
from p2plab.real.transports.mplex import LabMplex
from p2plab.real.transports.quic import new_quic
from p2plab.real.transports.webrtc import new_webrtc
from p2plab.real.transports.websocket import WebSocketTransport
from p2plab.real.transports.webtransport import new_webtransport

if TYPE_CHECKING:
    from p2plab.real.settings import NodeSettings

__all__ = ["new_muxers", "new_security", "new_transports"]


def new_transports(settings: NodeSettings, keys: KeyPair, refused: Refused) -> list[ITransport]:
    """The transports of one node, those preferred first. ``refused(address, error)`` is for them to tell of what
    came in and was no connection."""
    makers: dict[str, Callable[[], ITransport]] = {
        "tcp": TCP,
        "ws": lambda: WebSocketTransport("ws", refused),
        "wss": lambda: WebSocketTransport("wss", refused),
        "memory": lambda: MemoryTransport(ID.from_pubkey(keys.public_key).to_string(), refused),
        "quic-v1": lambda: new_quic(keys, settings.remedies, settings.key_log),
        "webtransport": lambda: new_webtransport(keys),
        "webrtc-direct": lambda: new_webrtc(keys),
    }
    return [makers[name]() for name in settings.transports]


def new_security(settings: NodeSettings, keys: KeyPair) -> dict[TProtocol, ISecureTransport]:
    """The security protocols that one node offers, those preferred first."""
    makers: dict[str, tuple[str, Callable[[], ISecureTransport]]] = {
        "noise": (NOISE_ID, lambda: Noise(keys, noise_privkey=create_noise_key_pair().private_key)),
        "tls": (TLS_ID, lambda: _new_tls(settings, keys)),
        "plaintext": (PLAINTEXT_PROTOCOL_ID, lambda: InsecureTransport(keys)),
    }
    chosen = [makers[name] for name in settings.security]
    return {TProtocol(protocol): make() for protocol, make in chosen}


def _new_tls(settings: NodeSettings, keys: KeyPair) -> TLSTransport:
    bare = bare_certificate() if settings.remedies.on("a bare TLS certificate") else None
    return TLSTransport(keys, identity_config=IdentityConfig(bare, log_tls_keys(settings.key_log)))


def new_muxers(settings: NodeSettings) -> dict[TProtocol, TMuxerClass]:
    """The muxers that one node offers, those preferred first."""
    mplex = LabMplex if settings.remedies.on("Mplex both ways") else Mplex
    known: dict[str, tuple[str, TMuxerClass]] = {"yamux": (YAMUX_ID, Yamux), "mplex": (MPLEX_PROTOCOL_ID, mplex)}
    return {TProtocol(protocol): muxer for protocol, muxer in (known[name] for name in settings.muxers)}
