"""Content ids: the multihash inside a CID is what provider records are kept under (kad-dht/README.md r2, "Content
provider advertisement"), so that a CIDv0, its CIDv1 and the same content under another codec are one key.

The ``py-cid`` package reads them; where its compiled parts cannot be had (a browser kernel), the few forms that occur
are read here.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from p2plab.errors import ValidationError
from p2plab.identity.varint import decode_varint, encode_varint

__all__ = ["MAX_MULTIHASH", "cid_from_multihash", "cid_of", "is_multihash", "multihash_of"]

MAX_MULTIHASH: Final = 80  # bytes: ipfs/specs routing/kad-dht, "Content Provider Advertisement"
_SHA2_256: Final = 0x12
_RAW: Final = 0x55
_LONGEST: Final = 256
_WELL_KNOWN: Final = {0x11: 20, _SHA2_256: 32, 0x13: 64, 0x14: 64, 0x16: 32, 0x1B: 32, 0x1E: 32, 0xB220: 32}


def cid_of(content: bytes, version: int = 1) -> str:
    """The CID of some bytes by their sha256: version 1 as a raw block in base32, version 0 as base58btc does it for a
    block of type dag-pb (whose content these bytes then are)."""
    multihash = bytes((_SHA2_256, 32)) + hashlib.sha256(content).digest()
    if version == 0:
        import base58

        return base58.b58encode(multihash).decode()
    if version != 1:
        raise ValidationError(f"there are CIDs of version 0 and 1, not {version!r}")
    return "b" + base64.b32encode(bytes((1, _RAW)) + multihash).decode().lower().rstrip("=")


def multihash_of(cid: str | bytes) -> bytes:
    """The multihash of a CID given as text, as bytes, or as the multihash itself. ValidationError for anything else."""
    if isinstance(cid, bytes):
        data = cid
        if not is_multihash(data) and data[:1] == b"\1":
            data = _multihash_of_v1(data, cid)
    elif isinstance(cid, str):
        text = cid.removeprefix("/ipfs/")
        if not text or len(text) > _LONGEST:
            raise _no_cid(cid, "it is empty" if not text else f"it has {len(text)} characters")
        data = _of_text(text)
    else:
        raise ValidationError(f"a CID is text such as bafkrei…, or bytes, not {cid!r}")
    if not is_multihash(data):
        raise _no_cid(cid, "what it holds is no multihash")
    return data


def is_multihash(data: bytes) -> bool:
    """Whether these bytes are a whole multihash of at most MAX_MULTIHASH bytes."""
    if not 3 <= len(data) <= MAX_MULTIHASH:
        return False
    try:
        code = decode_varint(data)
        length = decode_varint(data, code[1]) if code else None
    except ValueError:
        return False
    if code is None or length is None or not length[0] or len(data) - length[1] != length[0]:
        return False
    return _WELL_KNOWN.get(code[0], length[0]) == length[0]


def _of_text(text: str) -> bytes:
    try:
        from cid import make_cid
    except ImportError:
        return read_plain(text)
    try:
        return bytes(make_cid(text).multihash)
    except (ValueError, KeyError, LookupError, TypeError) as error:
        raise _no_cid(text, str(error)) from error


def read_plain(text: str) -> bytes:
    """The multihash of a CID's text without ``py-cid``: version 0, and version 1 in the bases b, f, k and z."""
    import base58

    base, digits = text[0], text[1:]
    try:
        if text.startswith("Qm") and len(text) == 46:
            return base58.b58decode(text)
        if base in "bB":
            data = base64.b32decode(digits.upper() + "=" * (-len(digits) % 8))
        elif base in "fF":
            data = bytes.fromhex(digits)
        elif base in "kK":
            number = int(digits, 36)
            data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        elif base == "z":
            data = base58.b58decode(digits)
        else:
            raise _no_cid(text, "a CID begins with Qm, or with one of the multibases b, f, k and z")
    except ValidationError:
        raise
    except ValueError as error:
        raise _no_cid(text, f"its digits are not those of its base: {error}") from error
    return _multihash_of_v1(data, text)


def _multihash_of_v1(data: bytes, given: object) -> bytes:
    try:
        version = decode_varint(data)
        codec = decode_varint(data, version[1]) if version else None
    except ValueError as error:
        raise _no_cid(given, str(error)) from error
    if version is None or codec is None or version[0] != 1:
        raise _no_cid(given, "it does not begin with version 1 and a codec")
    return data[codec[1] :]


def _no_cid(given: object, problem: str) -> ValidationError:
    shown = repr(given)
    return ValidationError(f"{shown if len(shown) <= 90 else shown[:86] + '…'} is not a CID: {problem}")


def cid_from_multihash(multihash: bytes) -> str:
    """The CIDv1 of a multihash, as a raw block, for showing a provider key."""
    data = encode_varint(1) + encode_varint(_RAW) + multihash
    return "b" + base64.b32encode(data).decode().lower().rstrip("=")
