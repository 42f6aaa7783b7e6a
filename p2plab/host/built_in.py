"""The protocols that every node answers from its start, in every world.

To add one that only answers, write its handler over ``NetStream`` in ``p2plab/protocols``, and name it here. What it
needs of its node, a handler finds at ``stream.node``; one that needs more of the switch is made for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import IDENTIFY_ID, IDENTIFY_PUSH_ID, PING_ID
from p2plab.protocols.capabilities import CAPABILITIES_ID, CapabilitiesHandler
from p2plab.protocols.identify import IdentifyHandler, IdentifyPushHandler
from p2plab.protocols.ping import MAX_INBOUND_STREAMS, answer_ping

if TYPE_CHECKING:
    from p2plab.host.connections.switch import Switch
    from p2plab.stream import StreamHandler

__all__ = ["BUILT_IN", "BuiltIn"]


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """``handler`` makes what answers, given the node's switch; ``most``: streams of one peer at a time (None: any)."""

    handler: Callable[[Switch[Any]], StreamHandler]
    most: int | None = None


BUILT_IN: Final[dict[str, BuiltIn]] = {
    PING_ID: BuiltIn(lambda _: answer_ping, MAX_INBOUND_STREAMS),
    IDENTIFY_ID: BuiltIn(lambda switch: IdentifyHandler(switch.describe)),
    IDENTIFY_PUSH_ID: BuiltIn(lambda switch: IdentifyPushHandler(switch.learn)),
    CAPABILITIES_ID: BuiltIn(lambda switch: CapabilitiesHandler(switch.declare)),
}
