"""``p2plab diagnose``: why nodes that run somewhere cannot be reached, or do not talk."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from p2plab.api.diagnosing import diagnose
from p2plab.cli.output import say, say_json
from p2plab.errors import ValidationError

__all__ = ["diagnose_addresses"]


def diagnose_addresses(addresses: list[str], seconds: float, as_json: bool) -> int:
    """Tell the first layer that fails; 1 where one does."""
    if len(addresses) > 2:
        raise ValidationError(f"diagnose takes one address or two, not {len(addresses)}")
    for address in addresses:
        if not address.startswith("/"):
            raise ValidationError(f"{address[:80]!r} is no multiaddr: one begins with /, as in /ip4/127.0.0.1/tcp/4001")
    found: Any = diagnose(*addresses, timeout=seconds)
    if as_json:
        say_json({**asdict(found), "healthy": found.healthy})
    else:
        say(str(found))
    return 0 if found.healthy else 1
