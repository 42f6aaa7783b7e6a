"""From a node's checked settings to the library's objects that its connections are made with.

One function each for transports, security and muxers; ``Stack`` calls them and nobody else does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from libp2p.abc import ISecureTransport, ITransport
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TMuxerClass, TProtocol
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.tcp.tcp import TCP

from p2plab.constants import NOISE_ID, YAMUX_ID

if TYPE_CHECKING:
    from p2plab.real.settings import NodeSettings

__all__ = ["new_muxers", "new_security", "new_transports"]


def new_transports(settings: NodeSettings, keys: KeyPair) -> list[ITransport]:
    """The transports of one node, those preferred first."""
    return [TCP() for _ in settings.transports]


def new_security(settings: NodeSettings, keys: KeyPair) -> dict[TProtocol, ISecureTransport]:
    """The security protocols that one node offers, those preferred first."""
    noise = Noise(keys, noise_privkey=create_noise_key_pair().private_key)
    return {TProtocol(NOISE_ID): noise}


def new_muxers(settings: NodeSettings) -> dict[TProtocol, TMuxerClass]:
    """The muxers that one node offers, those preferred first."""
    return {TProtocol(YAMUX_ID): Yamux}
