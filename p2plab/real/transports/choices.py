"""The transports, security protocols and muxers that a real node can be started with, by name."""

from __future__ import annotations

from typing import Final

from p2plab.errors import ValidationError

__all__ = ["MUXERS", "SECURITY", "TRANSPORTS", "check_muxers", "check_security", "check_transports"]

TRANSPORTS: Final[dict[str, str]] = {"tcp": "TCP"}
SECURITY: Final[dict[str, str]] = {"noise": "Noise XX"}
MUXERS: Final[dict[str, str]] = {"yamux": "Yamux"}


def check_transports(value: object) -> tuple[str, ...]:
    """Names of transports, those preferred first. ValidationError."""
    return _names("transports", value, TRANSPORTS)


def check_security(value: object) -> tuple[str, ...]:
    """Names of security protocols, those preferred first. ValidationError."""
    return _names("security", value, SECURITY)


def check_muxers(value: object) -> tuple[str, ...]:
    """Names of muxers, those preferred first. ValidationError."""
    return _names("muxers", value, MUXERS)


def _names(setting: str, value: object, known: dict[str, str]) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not names or any(name not in known for name in names):
        raise ValidationError(f"{setting}={value!r}: take some of {', '.join(known)}, those preferred first")
    return tuple(dict.fromkeys(names))
