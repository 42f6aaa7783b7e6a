"""Which extensions two peers both speak (gossipsub-v1.3.md, "Extensions Control Message").

They are announced once, in the first message on the stream; later or again is misbehaviour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p2plab.effects import SEND, note
from p2plab.pubsub.gossipsub.peers import V13, Peer
from p2plab.pubsub.router import NOTHING, Effect, Effects
from p2plab.pubsub.rpc import RPC, Control

if TYPE_CHECKING:
    from p2plab.pubsub.gossipsub.automaton import GossipSub

__all__ = ["announced", "hello", "opened"]


def hello(router: GossipSub, entry: Peer) -> Control | None:
    """What a peer is told first; None for one that speaks no v1.3, and without extensions."""
    extensions = router.params.extensions
    return Control(extensions=extensions) if extensions and entry.level >= V13 else None


def opened(router: GossipSub, entry: Peer, rpc: RPC) -> Effects:
    """The first RPC of a peer that speaks v1.3 or newer; it is read after this."""
    if rpc.control is None or rpc.control.extensions is None:
        return NOTHING
    peer = entry.index
    extensions = rpc.control.extensions
    entry.introduction = rpc
    shared = [name for name in extensions if name in router.params.extensions]
    data = {"theirs": list(extensions), "shared": shared}
    effects: list[Effect] = [note("pubsub.extensions", peer, reason="announced", data=data)]
    if "testExtension" in shared:
        effects.append((SEND, (peer,), RPC(test_extension=True)))
    return effects


def announced(router: GossipSub, entry: Peer, rpc: RPC, extensions: Sequence[str]) -> Effects:
    """An RPC announces extensions: the first one, which ``opened`` has dealt with, or one that must not."""
    if rpc is entry.introduction:
        entry.introduction = True
        return NOTHING
    return router.penalise(entry, 1, "extensions announced again", extensions=list(extensions))
