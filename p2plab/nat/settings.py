"""What may be said of a node's reachability when it is started, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2plab.errors import ValidationError
from p2plab.nat.autorelay import AutoRelayParams
from p2plab.nat.relay import RelayParams

__all__ = ["check_relaying"]


def check_relaying(settings: Mapping[str, Any]) -> dict[str, Any]:
    """``relay`` and ``autorelay`` of some settings, those that are there. ValidationError."""
    relay, autorelay = settings.get("relay"), settings.get("autorelay")
    if relay is not None and not isinstance(relay, RelayParams):
        raise ValidationError(f"relay={relay!r}: give p2plab.nat.RelayParams, as in RelayParams(circuits=4)")
    if autorelay is not None and not isinstance(autorelay, AutoRelayParams):
        raise ValidationError(f"autorelay={autorelay!r}: give p2plab.nat.AutoRelayParams, as in AutoRelayParams.go()")
    return {name: value for name, value in (("relay", relay), ("autorelay", autorelay)) if value is not None}
