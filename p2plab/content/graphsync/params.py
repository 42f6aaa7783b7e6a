"""What a node allows by GraphSync. Sizes are bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2plab.content.graphsync.walk import WalkLimits
from p2plab.errors import ValidationError
from p2plab.errors.checked import check_amounts
from p2plab.errors.likely import known_fields

__all__ = ["GraphSyncParams"]


@known_fields
@dataclass(frozen=True, slots=True)
class GraphSyncParams:
    """All of it is ours."""

    requests: int = 16  # of one peer that are answered at a time; above, the answer is 31, busy
    all_requests: int = 256  # of all peers
    message_target: int = 256 << 10  # blocks are put together into messages of about this size
    steps: int = 2_000  # blocks that are walked for one message
    do_not_send: int = 50_000  # CIDs of a request that are not to be sent
    answered: WalkLimits = field(default_factory=lambda: WalkLimits(nodes=1_000_000, blocks=200_000, depth=1024))
    asked: WalkLimits = field(default_factory=WalkLimits)
    unasked: int = 64  # messages for no request of ours, before a peer is cut off
    cut_off: float = 600.0  # seconds for which a peer is neither heard nor answered

    def __post_init__(self) -> None:
        for name in ("answered", "asked"):
            if not isinstance(getattr(self, name), WalkLimits):
                raise ValidationError(f"GraphSyncParams.{name} is Limits of a walk, not {getattr(self, name)!r}")
        check_amounts(self, least_one=("message_target", "steps"))
