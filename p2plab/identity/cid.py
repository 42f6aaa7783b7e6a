"""Content ids (github.com/multiformats/cid): version, codec and multihash, strictly read and written.

The codecs and hashes that blocks may have here are few and named; other names are refused with what there is. Provider
records are kept under the multihash alone (kad-dht/README.md r2, "Content provider advertisement"), so that a CIDv0,
its CIDv1 and the same content under another codec are one key.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from p2plab.errors import MissingExtraError, ValidationError
from p2plab.identity.varint import decode_varint, encode_varint

__all__ = [
    "CODECS",
    "DAG_CBOR",
    "DAG_JSON",
    "DAG_PB",
    "HASHES",
    "MAX_MULTIHASH",
    "RAW",
    "Cid",
    "as_cid",
    "cid_for",
    "cid_from_prefix",
    "cid_of",
    "is_multihash",
    "multihash_of",
    "read_cid",
]

RAW: Final = 0x55
DAG_PB: Final = 0x70
DAG_CBOR: Final = 0x71
DAG_JSON: Final = 0x0129
CODECS: Final = {"raw": RAW, "dag-pb": DAG_PB, "dag-cbor": DAG_CBOR, "dag-json": DAG_JSON}
_CODEC_NAMES: Final = {code: name for name, code in CODECS.items()}
HASHES: Final = {"identity": 0x00, "sha2-256": 0x12, "sha2-512": 0x13, "blake2b-256": 0xB220, "blake3": 0x1E}
_SIZES: Final = {0x11: 20, 0x12: 32, 0x13: 64, 0x14: 64, 0x16: 32, 0x1B: 32, 0x1E: 32, 0xB220: 32}  # by the hash's code
MAX_CID: Final = 168  # bytes; boxo's bound in Bitswap
MAX_DIGEST: Final = 128  # bytes; unixfs.md, "Identity CID size limit", and boxo's bound on every digest
MAX_MULTIHASH: Final = 80  # bytes: ipfs/specs routing/kad-dht, "Content Provider Advertisement"
V0_TEXT: Final = 46  # characters of a version 0 CID
_LONGEST_TEXT: Final = 256
_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def _blake3(data: bytes) -> bytes:
    try:
        from blake3 import blake3
    except ImportError as error:
        raise MissingExtraError("the hash blake3 needs the package of that name: pip install blake3") from error
    digest: bytes = blake3(data).digest()
    return digest


_DIGESTS: Final[dict[int, Callable[[bytes], bytes]]] = {
    0x00: bytes,
    0x12: lambda data: hashlib.sha256(data).digest(),
    0x13: lambda data: hashlib.sha512(data).digest(),
    0xB220: lambda data: hashlib.blake2b(data, digest_size=32).digest(),
    0x1E: _blake3,
}


@dataclass(frozen=True, slots=True)
class Cid:
    """One content id. ``hash`` is the multihash's code and ``digest`` what it gives; ``str`` is base58btc for version 0
    and base32 for version 1. Version 0 is always dag-pb by sha2-256."""

    version: int
    codec: int
    hash: int
    digest: bytes

    @property
    def multihash(self) -> bytes:
        """The hash's code, the digest's length, the digest: what provider records are kept under."""
        return encode_varint(self.hash) + encode_varint(len(self.digest)) + self.digest

    @property
    def codec_name(self) -> str:
        """``raw``, ``dag-pb``, ``dag-cbor``, ``dag-json``, or the code in hex."""
        return _CODEC_NAMES.get(self.codec, hex(self.codec))

    def to_bytes(self) -> bytes:
        """The binary form."""
        if self.version == 0:
            return self.multihash
        return encode_varint(1) + encode_varint(self.codec) + self.multihash

    def with_version(self, version: int) -> Cid:
        """The same content under the other version. ValidationError where version 0 cannot hold it."""
        if version not in (0, 1):
            raise ValidationError(f"there are CIDs of version 0 and 1, not {version!r}")
        if version == 0 and (self.codec, self.hash) != (DAG_PB, 0x12):
            raise ValidationError(f"{self} has no version 0: only dag-pb blocks by sha2-256 have one")
        return Cid(version, self.codec, self.hash, self.digest)

    @property
    def verifiable(self) -> bool:
        """Whether its hash is one by which a block can be checked."""
        return self.hash in _DIGESTS

    def verify(self, data: bytes) -> bool:
        """Whether these bytes are the block it names. ValidationError for a hash that is not supported."""
        compute = _DIGESTS.get(self.hash)
        if compute is None:
            raise ValidationError(f"{self} has the hash {hex(self.hash)}; supported are {', '.join(HASHES)}")
        return compute(data) == self.digest

    def __str__(self) -> str:
        if self.version == 0:
            import base58

            return base58.b58encode(self.multihash).decode()
        return "b" + base64.b32encode(self.to_bytes()).decode().lower().rstrip("=")

    def __repr__(self) -> str:
        text = str(self)
        return f"<Cid {text[:8]}…{text[-6:]} {self.codec_name}>"


def cid_for(data: bytes, codec: int | str = RAW, hash: str = "sha2-256", version: int = 1) -> Cid:
    """The CID of a block. ``codec`` and ``hash`` by name (see ``CODECS``, ``HASHES``). Raises ValidationError."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ValidationError(f"cid_for takes bytes, as in cid_for(b'a song'), not {data!r}"[:200])
    code = CODECS.get(codec) if isinstance(codec, str) else codec
    if not isinstance(code, int) or code not in _CODEC_NAMES:
        raise ValidationError(f"codec={codec!r}: supported are {', '.join(CODECS)}")
    if not isinstance(hash, str) or hash not in HASHES:
        raise ValidationError(f"hash={hash!r}: supported are {', '.join(HASHES)}")
    number = HASHES[hash]
    if number == 0 and len(data) > MAX_DIGEST:
        raise ValidationError(f"an identity CID holds at most {MAX_DIGEST} bytes, not {len(data)}")
    return Cid(1, code, number, _DIGESTS[number](data)).with_version(version)


def cid_from_prefix(prefix: bytes, data: bytes) -> Cid:
    """The CID of a block whose prefix is given: version, codec, hash and length of digest, as in Bitswap's messages.

    ValidationError for what is no prefix, and for a hash that is not supported.
    """
    numbers: list[int] = []
    at = 0
    while at < len(prefix):
        try:
            number = decode_varint(prefix, at)
        except ValueError as error:
            raise ValidationError(f"{prefix[:40].hex()} is no prefix of a CID: {error}") from error
        if number is None or len(numbers) == 4:
            raise ValidationError(f"{prefix[:40].hex()} is no prefix of a CID")
        numbers.append(number[0])
        at = number[1]
    if len(numbers) != 4 or numbers[0] > 1:
        raise ValidationError(f"{prefix[:40].hex()} is no prefix of a CID")
    version, codec, code, size = numbers
    compute = _DIGESTS.get(code)
    if compute is None:
        raise ValidationError(f"a block by the hash {hex(code)}; supported are {', '.join(HASHES)}")
    digest = compute(data)
    if len(digest) != size or len(digest) > MAX_DIGEST or (version == 0 and (codec, code) != (DAG_PB, 0x12)):
        raise ValidationError(f"{prefix[:40].hex()} is the prefix of no CID that there is")
    return Cid(version, codec, code, digest)


def read_cid(data: bytes, at: int = 0) -> tuple[Cid, int]:
    """The CID that begins at ``at``, and where it ends. ValidationError for bytes that begin none."""
    if data[at : at + 2] == b"\x12\x20":
        digest = bytes(data[at + 2 : at + 34])
        if len(digest) < 32:
            raise _bad(data[at:], "it is cut off")
        return Cid(0, DAG_PB, 0x12, digest), at + 34
    start = at
    numbers = []
    for _ in range(4):
        try:
            number = decode_varint(data, at)
        except ValueError as error:
            raise _bad(data[start:], str(error)) from error
        if number is None:
            raise _bad(data[start:], "it is cut off")
        numbers.append(number[0])
        at = number[1]
    version, codec, code, size = numbers
    if version != 1:
        raise _bad(data[start:], f"its version is {version}, and there are 0 and 1")
    if size > MAX_DIGEST or at + size - start > MAX_CID:
        raise _bad(data[start:], f"its digest of {size} bytes is over the limit of {MAX_DIGEST}")
    if size != _SIZES.get(code, size):
        raise _bad(data[start:], f"its digest has {size} bytes, where that hash has {_SIZES[code]}")
    digest = bytes(data[at : at + size])
    if len(digest) < size:
        raise _bad(data[start:], "it is cut off")
    return Cid(1, codec, code, digest), at + size


def as_cid(value: Any) -> Cid:
    """A CID from a ``Cid``, its text (with or without ``/ipfs/`` or ``ipfs://``), or its bytes.
    Raises ValidationError."""
    if isinstance(value, Cid):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        found, end = read_cid(data)
        if end != len(data):
            raise _bad(data, f"{len(data) - end} bytes are left after its end")
        return found
    if not isinstance(value, str):
        raise ValidationError(f"a CID is text such as bafkrei…, or bytes, not {value!r}")
    text = value.removeprefix("ipfs://").removeprefix("/ipfs/")
    if not text or len(text) > _LONGEST_TEXT:
        raise _bad(value, "it is empty" if not text else f"it has {len(text)} characters")
    return _of_text(text)


@lru_cache(maxsize=4096)
def _of_text(text: str) -> Cid:
    import base58

    base, digits = text[0], text[1:]
    try:
        if text.startswith("Qm"):
            if len(text) != V0_TEXT:
                raise _bad(text, f"a version 0 CID has {V0_TEXT} characters, and this has {len(text)}")
            data = base58.b58decode(text)
            if data[:2] != b"\x12\x20":
                raise _bad(text, "a version 0 CID is a sha2-256 multihash in base58btc")
        elif base in "bB":
            data = base64.b32decode(digits.upper() + "=" * (-len(digits) % 8))
        elif base in "fF":
            data = bytes.fromhex(digits)
        elif base in "kK":
            data = _from_base36(digits.lower())
        elif base == "z":
            data = base58.b58decode(digits)
        elif base in "umU":
            data = base64.urlsafe_b64decode(digits.replace("+", "-").replace("/", "_") + "=" * (-len(digits) % 4))
        else:
            raise _bad(
                text, "a CID begins with Qm, or with one of the multibases b, f, k, z and u; cid_for(b'...') makes one"
            )
    except ValidationError:
        raise
    except ValueError as error:
        raise _bad(text, "its digits are not those of its base") from error
    if base != "Q" and data[:1] != b"\x01":
        raise _bad(text, "a version 0 CID has no base prefix" if data[:2] == b"\x12\x20" else "its version is not 1")
    try:
        found, end = read_cid(data)
    except ValidationError as error:  # it names the bytes, and what was given is text
        raise _bad(text, str(error).partition(" is not a CID: ")[2]) from error
    if end != len(data):
        raise _bad(text, f"{len(data) - end} bytes are left after its end")
    return found


def _from_base36(digits: str) -> bytes:
    if any(digit not in _BASE36 for digit in digits):
        raise ValueError("not base36")
    number = int(digits, 36) if digits else 0
    zeros = len(digits) - len(digits.lstrip("0"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def cid_of(content: bytes, version: int = 1) -> str:
    """The CID of some bytes by their sha2-256: version 1 as a raw block in base32, version 0 in base58btc as a block of
    type dag-pb (whose content these bytes then are). ValidationError for another version."""
    return str(cid_for(content, RAW if version else DAG_PB, version=version))


def multihash_of(cid: str | bytes | Cid) -> bytes:
    """The multihash of a CID given as text, as bytes, or as the multihash itself. ValidationError for anything else,
    and for one over MAX_MULTIHASH bytes."""
    if isinstance(cid, bytes) and is_multihash(cid):
        return cid
    data = as_cid(cid).multihash
    if not is_multihash(data):
        raise _bad(cid, f"its multihash has {len(data)} bytes, where a key has 3 to {MAX_MULTIHASH}")
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
    return _SIZES.get(code[0], length[0]) == length[0]


def _bad(given: object, problem: str) -> ValidationError:
    shown = given[:40].hex() if isinstance(given, (bytes, bytearray)) else repr(given)
    return ValidationError(f"{shown if len(shown) <= 90 else shown[:86] + '…'} is not a CID: {problem}")
