"""Ways of putting a connection together other than TCP, Noise and Yamux, by name."""

from __future__ import annotations

from typing import Any, Final

from p2plab.real.transports.choices import available

STACKS: Final[dict[str, dict[str, Any]]] = {
    "ws": {"transports": ["ws"]},
    "wss": {"transports": ["wss"]},
    "quic": {"transports": ["quic-v1"]},
    "webtransport": {"transports": ["webtransport"]},
    "memory": {"transports": ["memory"]},
    **({"webrtc": {"transports": ["webrtc-direct"]}} if "webrtc-direct" in available() else {}),
    "tls": {"transports": ["tcp"], "security": ["tls"]},
    "plaintext": {"transports": ["tcp"], "security": ["plaintext"]},
    "mplex": {"transports": ["tcp"], "muxers": ["mplex"]},
}
