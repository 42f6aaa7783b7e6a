"""One answer to each exercise of lesson 02. There are others."""

from __future__ import annotations

import contextlib
from typing import Any

from p2plab import Lab
from p2plab.errors import DialError


async def echo(stream: Any) -> None:
    """Send back whatever comes, until the other side has said all."""
    while data := await stream.read():
        await stream.write(data)


async def reverse(stream: Any) -> None:
    """Read all there is, and send it back from its end to its beginning."""
    text = b""
    while data := await stream.read():
        text += data
    await stream.write(text[::-1])


def wrong_peer() -> Lab:
    """02.1: where Bob lives, with the name of Carol."""
    lab = Lab(seed=2)
    alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
    place = bob.addresses[0].rsplit("/p2p/", 1)[0]
    with contextlib.suppress(DialError):
        alice.connect(f"{place}/p2p/{carol.peer_id}")
    return lab


def multiplexed() -> Lab:
    """02.2: both streams stay open."""
    lab = Lab(seed=2)
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    bob.handle("/echo/1.0.0", echo)
    bob.handle("/chat/1.0.0", echo)
    alice.open_stream(bob, ["/echo/1.0.0"])
    alice.open_stream(bob, ["/chat/1.0.0"])
    return lab


def reverses() -> Lab:
    """02.3: read to the end before answering."""
    lab = Lab(seed=2)
    lab.start_node("bob").handle("/reverse/1.0.0", reverse)
    return lab


def versions() -> Lab:
    """02.4: the newest version first; each peer takes the first that it speaks."""
    lab = Lab(seed=2)
    alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
    bob.handle("/chat/2.0.0", echo)
    carol.handle("/chat/1.0.0", echo)
    for peer in (bob, carol):
        alice.open_stream(peer, ["/chat/2.0.0", "/chat/1.0.0"])
    return lab
