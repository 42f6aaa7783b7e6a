"""The records of a simulated zone: names with their A, AAAA and TXT records, checked as they are put in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Any, Final

from p2plab.errors import ResolutionError, ValidationError
from p2plab.identity.address import parse_address

__all__ = ["RECORDS", "ZoneRecords", "check_name", "check_records", "dnsaddr_texts"]

RECORDS: Final = ("ip4", "ip6", "txt")
MOST: Final = 1_000  # records of one kind
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_TEXT: Final = 1_100  # characters: an address has at most 1,024


def check_name(name: object) -> str:
    """A name as the DNS has it (RFC 1035, section 2.3), in lower case, without the dot at its end.
    Raises ValidationError."""
    text = name.lower().removesuffix(".") if isinstance(name, str) else ""
    if not text or len(text) > 253 or not all(map(_LABEL.fullmatch, text.split("."))):
        raise ValidationError(f"{str(name)[:80]!r} is no name of the DNS, such as bootstrap.example")
    return text


def check_records(given: dict[str, Any]) -> dict[str, list[str]]:
    """Records by kind, each a list. Raises ValidationError."""
    return {kind: [_checked(kind, value) for value in _listed(kind, values)] for kind, values in given.items()}


def _listed(kind: str, values: Any) -> list[Any]:
    found = [values] if isinstance(values, str) else values
    if not isinstance(found, (list, tuple)) or len(found) > MOST:
        raise ValidationError(f"{kind}={str(values)[:80]!r}: take a list of at most {MOST}")
    return list(found)


def _checked(kind: str, value: Any) -> str:
    if kind == "txt":
        if not isinstance(value, str) or len(value) > _TEXT:
            raise ValidationError(f"a TXT record is text of at most {_TEXT} characters, not {str(value)[:80]!r}")
        return value
    try:
        return str(ipaddress.IPv4Address(value) if kind == "ip4" else ipaddress.IPv6Address(value))
    except ValueError as error:
        raise ValidationError(f"{kind} has {str(value)[:80]!r}, which is no such address") from error


def dnsaddr_texts(addresses: Sequence[str]) -> list[str]:
    """The TXT records that say these addresses. Raises AddressError."""
    return [f"dnsaddr={parse_address(address)}" for address in addresses]


class ZoneRecords:
    """What is in the zone; implements no I/O: the world answers with ``find``."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, list[str]]] = {}

    def set(self, name: str, records: dict[str, list[str]]) -> None:
        """These are all the records of a name, of the kinds that are given."""
        self._names.setdefault(name, {}).update(records)

    def remove(self, name: str) -> bool:
        """Take a name out; whether it was there."""
        return self._names.pop(name, None) is not None

    def all(self) -> dict[str, dict[str, list[str]]]:
        """Everything, by name and kind."""
        return {name: {kind: list(values) for kind, values in records.items()} for name, records in self._names.items()}

    def find(self, name: str, kind: str) -> list[str]:
        """The records of a kind; none where the name has others only. ResolutionError for a name that is not there."""
        records = self._names.get(name.lower().removesuffix("."))
        if records is None:
            raise ResolutionError(f"name not found: {name[:253]} is not in the zone")
        return list(records.get(kind, ()))
