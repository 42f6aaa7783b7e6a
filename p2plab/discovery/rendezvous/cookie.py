"""Cookies of a rendezvous point: how far a client has read, in a form that only this point can have made.

A point keeps nothing for a cookie: it holds the number of the last registration that was given, and a tag over that
number and the namespace, made with a secret of the point. What was not made here, or for another namespace, is refused
with E_INVALID_COOKIE (rendezvous/README.md, "Discovering peers").

To a client a cookie is opaque, but rust-libp2p's takes one apart: eight bytes, and the namespace as text. So it is
here.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

__all__ = ["make_cookie", "read_cookie"]

_NUMBER: Final = 5  # bytes
_TAG: Final = 3  # bytes: who guesses one gets a part of the list, which is nobody's secret


def make_cookie(secret: bytes, namespace: bytes | None, number: int) -> bytes:
    """The cookie that goes with an answer about a namespace (None: about all), which ended with this number."""
    said = number.to_bytes(_NUMBER, "big")
    return said + _tag(secret, namespace, said) + (namespace or b"")


def read_cookie(secret: bytes, namespace: bytes | None, cookie: bytes) -> int | None:
    """The number in a cookie; None for one that was not made by this point for this namespace."""
    said, tag = cookie[:_NUMBER], cookie[_NUMBER : _NUMBER + _TAG]
    if len(said) < _NUMBER or cookie[_NUMBER + _TAG :] != (namespace or b""):
        return None
    if not hmac.compare_digest(tag, _tag(secret, namespace, said)):
        return None
    return int.from_bytes(said, "big")


def _tag(secret: bytes, namespace: bytes | None, said: bytes) -> bytes:
    about = b"all" if namespace is None else b"one" + namespace
    return hmac.digest(secret, said + about, hashlib.sha256)[:_TAG]
