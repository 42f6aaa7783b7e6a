"""The transports, security protocols and muxers as a page to read."""

from __future__ import annotations

from typing import Final

from p2plab.real.pylibp2p.remedies import REMEDIES
from p2plab.real.transports.choices import MUXERS, SECURITY, TRANSPORTS, combinations

__all__ = ["markdown"]

HEAD = """# Transports, security and muxers of real nodes

Made by `python -m p2plab.real.transports`; a test holds it to the code, and another connects, pings, identifies and
echoes 1 kB and 1 MB over every combination that is marked here.

    Lab("real", transports=["ws", "tcp"], security=["tls", "noise"], muxers=["yamux"])    # those preferred first
    lab.start_node("alice", transports="quic-v1")                                         # one node's own
    lab.start_node("bob", listen="/ip4/127.0.0.1/tcp/4001/ws")                            # implies its transport

Without a choice it is TCP, Noise and Yamux. `transports` alone has a node listen at the loopback by each. A peer is
dialled at its addresses in the order of this node's transports; an address of another kind is told of as `unsupported`.
`psk=` (64 hexadecimal digits, the text of a swarm.key, or its path) makes a private network, over the transports that
security is negotiated on. What a connection has is `connection.transport`, `.security` and `.muxer`.
"""


def markdown() -> str:
    """What there is, what goes together and what was mended, as Markdown."""
    return "\n".join([HEAD, *_transports(), *_table(), *_others(), *_mended()])


def _transports() -> list[str]:
    rows = [f"| `{name}` | {kind.what} | `{kind.shape}` | {kind.note} |" for name, kind in TRANSPORTS.items()]
    return ["## Transports", "", "| name | what | listens at | note |", "|---|---|---|---|", *rows, ""]


def _table() -> list[str]:
    possible = set(combinations())
    columns = list(dict.fromkeys((security, muxer) for _, security, muxer in combinations()))
    lines = [f"- `{name}`: {what}" for name, what in [*SECURITY.items(), *MUXERS.items()]]
    head = " | ".join(f"{security} {muxer}" for security, muxer in columns)
    rows = [
        f"| `{name}` | " + " | ".join("yes" if (name, *column) in possible else "" for column in columns) + " |"
        for name in TRANSPORTS
    ]
    return [
        *("## What goes together", "", *lines, ""),
        *(f"| transport | {head} |", "|---|" + "---|" * len(columns), *rows, ""),
        "QUIC, WebTransport and WebRTC bring their own security and streams, and leave the settings of others aside.",
        "",
    ]


# What tests/interop shows, and what was tried by hand; of libp2p 0.8.1 with the remedies below.
OTHERS: Final = (
    ("js-libp2p 3.3", "TCP or WebSocket, Noise, Yamux", "both ways; tests/interop"),
    (
        "js-libp2p 3.3",
        "TCP or WebSocket, TLS, Yamux",
        "both ways, with the remedy `a bare TLS certificate`; tests/interop",
    ),
    ("js-libp2p 3.3", "QUIC; WebRTC-Direct", "both ways; tried by hand"),
    (
        "js-libp2p 3.3",
        "TCP or WebSocket, Noise or TLS, Mplex",
        "both ways; tried by hand. Over WebSocket js may end a connection without closing its socket: it stays listed "
        "for the half minute in which that is noticed (tests/interop)",
    ),
    ("go-libp2p 0.51", "TCP or WebSocket, Noise, Yamux", "both ways; tests/interop (slow)"),
    ("go-libp2p 0.51", "TCP or WebSocket, TLS, Yamux", "both ways; tests/interop (slow)"),
    ("rust-libp2p 0.56", "TCP, Noise, Yamux", "both ways; tests/interop (`make rust`)"),
    (
        "any",
        "Noise or TLS, with an ECDSA key",
        "taken, with the remedy `ECDSA keys`; tests/interop has a go peer of the kind",
    ),
)


def _others() -> list[str]:
    rows = [f"| {who} | {what} | {works} |" for who, what, works in OTHERS]
    return ["## With other implementations", "", "| peer | over | works |", "|---|---|---|", *rows, ""]


def _mended() -> list[str]:
    mended = [
        f"- {name}: {remedy.why}"
        for name, remedy in REMEDIES.items()
        if remedy.where.startswith("transports/") or name in ("ECDSA keys",)
    ]
    return ["## What is set right (p2plab.real.pylibp2p.remedies)", "", *mended, ""]
