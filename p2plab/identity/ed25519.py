"""Ed25519 in plain Python, for where the ``cryptography`` package cannot be installed (a browser kernel).

Follows RFC 8032, section 5.1: points in extended homogeneous coordinates (5.1.4), the public key (5.1.5), signing
(5.1.6), verification (5.1.7). It is some hundred times slower than compiled code and does not run in constant time: the
keys of a lab are derived from a public seed, so there is no secret here that timing could give away.
"""

from __future__ import annotations

import hashlib

__all__ = ["public_key", "sign", "verify"]

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)

# (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z
_Point = tuple[int, int, int, int]
_NEUTRAL: _Point = (0, 1, 1, 0)


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(scalar: int, point: _Point) -> _Point:
    total = _NEUTRAL
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _x_of(y: int, sign_bit: int) -> int | None:
    """The x coordinate with this parity on the curve, or None where there is none (5.1.3)."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if square == 0:
        return None if sign_bit else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_OF_MINUS_ONE % _P
    if (x * x - square) % _P:
        return None
    return x if x & 1 == sign_bit else _P - x


def _encode(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(data: bytes) -> _Point | None:
    number = int.from_bytes(data, "little")
    y = number & (1 << 255) - 1
    if y >= _P:
        return None
    x = _x_of(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


_BASE_Y = 4 * pow(5, -1, _P) % _P
_BASE_X = _x_of(_BASE_Y, 0) or 0
_BASE: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _expand(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & ((1 << 254) - 8) | 1 << 254, digest[32:]


def public_key(seed: bytes) -> bytes:
    """The 32-byte public key of a 32-byte private key (which RFC 8032 also calls the seed)."""
    return _encode(_times(_expand(seed)[0], _BASE))


def sign(seed: bytes, data: bytes) -> bytes:
    """The 64-byte signature; the same data gives the same signature every time."""
    scalar, prefix = _expand(seed)
    public = _encode(_times(scalar, _BASE))
    nonce = _hash(prefix, data) % _ORDER
    commitment = _encode(_times(nonce, _BASE))
    challenge = _hash(commitment, public, data) % _ORDER
    return commitment + ((nonce + challenge * scalar) % _ORDER).to_bytes(32, "little")


def verify(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the signature is this key's for this data; False, too, for bytes that are no key or no signature."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point = _decode(public)
    response = int.from_bytes(signature[32:], "little")
    if point is None or response >= _ORDER:
        return False
    challenge = _hash(signature[:32], public, data) % _ORDER
    minus = (_P - point[0], point[1], 1, _P - point[3])
    # Compared as bytes, like the compiled libraries do, so that both give the same answer for odd encodings of R.
    return _encode(_add(_times(response, _BASE), _times(challenge, minus))) == signature[:32]
