"""Whose publish-subscribe a real node runs: what ``pubsub=`` may be, and what goes with it."""

from __future__ import annotations

from typing import Any, Final, Protocol

from p2plab.constants import MAX_MESSAGE_SIZE
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.pubsub.message import STRICT_SIGN

__all__ = ["LIBRARY", "OWN", "TOOLKIT", "check_pubsub", "check_together"]

LIBRARY: Final = "libp2p"  # py-libp2p's Pubsub and its routers
OWN: Final = "p2plab"  # the routers of p2plab.pubsub, as in a mock lab
TOOLKIT: Final[dict[str, Any]] = {"signing": STRICT_SIGN, "message_id": None, "max_message_size": MAX_MESSAGE_SIZE}
"""What else may be set of p2plab's, and what py-libp2p's always is."""


def check_pubsub(pubsub: object) -> str:
    """ValidationError for what is neither."""
    if pubsub in (LIBRARY, OWN):
        return str(pubsub)
    raise ValidationError(
        f"pubsub={pubsub!r}: take {LIBRARY!r}, py-libp2p's own, or {OWN!r}, the router that mock nodes have"
    )


class PubsubSettings(Protocol):
    """What is set of a node's publish-subscribe, and of what is in ``TOOLKIT`` besides."""

    @property
    def pubsub(self) -> str: ...
    @property
    def router(self) -> Any: ...


def check_together(settings: PubsubSettings) -> None:
    """NotInThisWorldError for what py-libp2p's pubsub cannot do."""
    if settings.pubsub == OWN:
        return
    if not isinstance(settings.router, str):
        raise NotInThisWorldError(
            f"with pubsub={LIBRARY!r} a real node routes with py-libp2p's own routers, not with "
            f"{settings.router.__name__}; take pubsub={OWN!r}, or a mock lab"
        )
    for name, default in TOOLKIT.items():
        if getattr(settings, name) != default:
            raise NotInThisWorldError(
                f"{name}={getattr(settings, name)!r} is not for py-libp2p's pubsub, which knows {default!r} alone; "
                f"take pubsub={OWN!r}, or a mock lab"
            )
