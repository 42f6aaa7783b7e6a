"""IDONTWANT in the simulated network: a message that still waits on its sender's uplink for a peer is taken out of the
queue when the peer says that it has it (gossipsub-v1.2.md, "IDONTWANT Message").

What has begun to leave, or is on its way, is not to be had back. Where an RPC says more besides, it goes without the
message.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from p2plab.mock.connections.line import MESSAGES
from p2plab.network import Frame
from p2plab.pubsub.rpc import RPC, rpc_size

if TYPE_CHECKING:
    from p2plab.mock.basis import MockBasis
    from p2plab.mock.connections.connection import MockConnection

__all__ = ["withdraw"]


def withdraw(host: MockBasis, peer: int, message_ids: Sequence[bytes]) -> None:
    """Take these messages out of what waits on ``host``'s uplink for a peer; each is a ``pubsub.withdrawn``."""
    ends = host.connected.get(peer)
    if not ends:
        return
    unwanted, pubsub, log = frozenset(message_ids), host.pubsub, host.world.events

    def refit(end: MockConnection, frame: Frame) -> int | None:
        rpc = frame.what
        if not isinstance(rpc, RPC) or not rpc.publish:
            return frame.size
        named = [(publication, *pubsub.name_of(publication)) for publication in rpc.publish]
        kept = tuple(publication for publication, message_id, _ in named if message_id not in unwanted)
        if len(kept) == len(named):
            return frame.size
        frame.what = left = RPC(kept, rpc.control, rpc.subscriptions, test_extension=rpc.test_extension)
        for publication, message_id, ref in named:
            if message_id in unwanted:
                size = publication.rpc_size
                end.rpcs_sent -= size
                log.record("pubsub.withdrawn", host.index, peer, publication.topic, ref, size, "peer does not want it")
        if not rpc_size(left):
            return None
        return frame.size - rpc_size(rpc) + rpc_size(left)

    for end in ends:
        end.out.refit(MESSAGES, partial(refit, end))
