"""What may be said of a node's reachability when it is started, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.nat.autorelay import AutoRelayParams
from p2plab.nat.relay import RelayParams

__all__ = ["LIBRARY", "OURS", "check_autorelay", "check_nat", "check_relay", "check_relaying"]

OURS: Final = "p2plab"
LIBRARY: Final = "libp2p"  # py-libp2p's AutoNAT and relay, in a real lab


def check_nat(value: object) -> str | None:
    """Whose AutoNAT, relays and hole punching a real node has. Raises ValidationError."""
    if value is not None and value not in (OURS, LIBRARY):
        raise ValidationError(
            f"nat={value!r}: take {OURS!r} for p2plab's AutoNAT, relays and hole punching, {LIBRARY!r} for servers of "
            "AutoNAT and relays that are py-libp2p's own, or None"
        )
    return None if value is None else str(value)


def check_relay(value: object) -> RelayParams | None:
    """A relay's limits. Raises ValidationError."""
    if value is not None and not isinstance(value, RelayParams):
        raise ValidationError(f"relay={value!r}: give p2plab.nat.RelayParams, as in RelayParams(circuits=4)")
    return value


def check_autorelay(value: object) -> AutoRelayParams | None:
    """How a node keeps its relays. Raises ValidationError."""
    if value is not None and not isinstance(value, AutoRelayParams):
        raise ValidationError(f"autorelay={value!r}: give p2plab.nat.AutoRelayParams, as in AutoRelayParams.go()")
    return value


def check_relaying(settings: Mapping[str, Any]) -> dict[str, Any]:
    """``relay`` and ``autorelay`` of some settings, those that are there. Raises ValidationError."""
    relay, autorelay = check_relay(settings.get("relay")), check_autorelay(settings.get("autorelay"))
    return {name: value for name, value in (("relay", relay), ("autorelay", autorelay)) if value is not None}
