"""A bootstrap list, checked."""

from __future__ import annotations

from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.identity.address import parse_address

__all__ = ["MOST", "check_bootstrap"]

MOST: Final = 100  # entries of a list


def check_bootstrap(value: object) -> tuple[str, ...]:
    """A list of peers to start from: multiaddrs with ``/p2p/...``, peer ids, nodes or their names. ValidationError,
    AddressError. Whether a name means anything shows when it is dialled: its node may start later."""
    if isinstance(value, str) or not isinstance(value, (list, tuple)) or len(value) > MOST:
        raise ValidationError(f"bootstrap={value!r}: take a list of at most {MOST} multiaddrs or nodes")
    found = []
    for entry in value:
        named: Any = getattr(entry, "name", entry)
        if not isinstance(named, str) or not named:
            raise ValidationError(f"bootstrap has {entry!r}: its entries are multiaddrs (str), nodes, or their names")
        if named.startswith("/") and parse_address(named).peer_id is None and not named.startswith("/dnsaddr/"):
            raise ValidationError(
                f"bootstrap has {named}: an address of it ends in /p2p/<peer id>, or begins with /dnsaddr"
            )
        found.append(named)
    return tuple(dict.fromkeys(found))
