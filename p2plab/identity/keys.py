"""Who a node is: its Ed25519 key, and the peer ids made of public keys (libp2p/specs peer-ids/peer-ids.md).

A lab's keys are derived, not drawn: ``Identity.derive(seed, name)`` gives the same key in every world, on every machine
and in every release. The private key is

    sha256(b"p2plab identity 1" + b"\\0" + str(seed) + b"\\0" + name in UTF-8)

and is as public as the seed: these identities are for laboratories only.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from p2plab.errors import PeerIdError, ValidationError
from p2plab.identity.varint import decode_varint, encode_varint
from p2plab.typing import PeerId

__all__ = [
    "ED25519",
    "Identity",
    "marshal_public_key",
    "parse_peer_id",
    "peer_id_bytes",
    "peer_id_from_bytes",
    "peer_id_of",
    "public_key_of",
    "unmarshal_public_key",
    "verify",
]

RSA: Final = 0  # peer-ids.md, "Keys": enum KeyType
ED25519: Final = 1
SECP256K1: Final = 2
ECDSA: Final = 3

_LABEL: Final = b"p2plab identity 1\0"
_IDENTITY: Final = 0x00  # multihash codes, and the multicodec of a CID that is a peer id
_SHA2_256: Final = 0x12
_LIBP2P_KEY: Final = 0x72
_LONGEST_INLINE: Final = 42  # peer-ids.md: a public key of at most this many bytes is its own peer id
_LONGEST_TEXT: Final = 128


class Identity:
    """An Ed25519 key pair and the peer id that follows from it; both are made when they are first asked for.

    ``seed`` is the 32-byte private key (RFC 8032), which is what py-libp2p's ``create_new_key_pair`` takes.
    """

    __slots__ = ("_key", "_peer_id", "_public", "name", "seed")

    def __init__(self, seed: bytes, name: str | None = None) -> None:
        if not isinstance(seed, bytes) or len(seed) != 32:
            raise ValidationError(f"an Ed25519 private key is 32 bytes, not {seed!r}")
        self.seed = seed
        self.name = name
        self._key: Any = None
        self._public: bytes | None = None
        self._peer_id: PeerId | None = None

    @classmethod
    def derive(cls, seed: int, name: str) -> Identity:
        """The identity of the node ``name`` in a lab with this seed."""
        return cls(hashlib.sha256(_LABEL + b"%d\0" % seed + name.encode()).digest(), name)

    @property
    def _signer(self) -> Any:
        if self._key is None:
            self._key = _signer_of(self.seed)
        return self._key

    @property
    def raw_public_key(self) -> bytes:
        """The 32 bytes of the Ed25519 public key alone."""
        if self._public is None:
            self._public = self._signer.public_key()
        return self._public

    @property
    def public_key(self) -> bytes:
        """The marshalled public key, as messages carry it and ``verify`` takes it (36 bytes)."""
        return marshal_public_key(ED25519, self.raw_public_key)

    @property
    def private_key(self) -> bytes:
        """The marshalled private key: private and public key, one after the other (68 bytes)."""
        return marshal_public_key(ED25519, self.seed + self.raw_public_key)

    @property
    def peer_id(self) -> PeerId:
        """The peer id, which also knows the node's name."""
        if self._peer_id is None:
            self._peer_id = PeerId(peer_id_of(self.public_key), self.name)
        return self._peer_id

    def sign(self, data: bytes) -> bytes:
        """The 64-byte Ed25519 signature of the data."""
        signature: bytes = self._signer.sign(data)
        return signature

    def __repr__(self) -> str:
        return f"<Identity {self.peer_id!r}>"


class _PlainSigner:
    """The fallback's face, the same as ``_CompiledSigner``'s."""

    __slots__ = ("_seed",)

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    def public_key(self) -> bytes:
        from p2plab.identity import ed25519

        return ed25519.public_key(self._seed)

    def sign(self, data: bytes) -> bytes:
        from p2plab.identity import ed25519

        return ed25519.sign(self._seed, data)


class _CompiledSigner:
    __slots__ = ("_key",)

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)

    def __reduce__(self) -> tuple[Any, ...]:
        return _signer_of, (self._key.private_bytes_raw(),)


def _signer_of(seed: bytes) -> _CompiledSigner | _PlainSigner:
    try:
        return _CompiledSigner(seed)
    except ImportError:
        return _PlainSigner(seed)


def verify(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Whether a marshalled public key made this signature (peer-ids.md, "How Keys are Encoded and Messages Signed").

    False also for bytes that are no key, since both come from a peer. Keys other than Ed25519 need ``cryptography``;
    without it they verify nothing.
    """
    try:
        kind, key = unmarshal_public_key(public_key)
    except ValidationError:
        return False
    if kind == ED25519:
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError:
            from p2plab.identity import ed25519

            return ed25519.verify(key, data, signature)
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True
    return _verify_other(kind, key, data, signature)


def _verify_other(kind: int, key: bytes, data: bytes, signature: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_der_public_key
    except ImportError:
        return False
    try:
        if kind == SECP256K1:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), key).verify(
                signature, data, ec.ECDSA(SHA256())
            )
            return True
        public = load_der_public_key(key)
        if kind == RSA and isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, data, padding.PKCS1v15(), SHA256())
        elif kind == ECDSA and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, data, ec.ECDSA(SHA256()))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def marshal_public_key(kind: int, key: bytes) -> bytes:
    """The ``PublicKey`` protobuf in its one allowed encoding: Type, then Data, both always there."""
    return b"\x08" + encode_varint(kind) + b"\x12" + encode_varint(len(key)) + key


def unmarshal_public_key(data: bytes) -> tuple[int, bytes]:
    """The key type and the key of a marshalled ``PublicKey``; ValidationError for anything but its exact encoding."""
    try:
        if data[:1] == b"\x08":
            kind = decode_varint(data, 1)
            if kind is not None and kind[0] <= ECDSA and data[kind[1] : kind[1] + 1] == b"\x12":
                length = decode_varint(data, kind[1] + 1)
                if length is not None and length[1] + length[0] == len(data):
                    return kind[0], bytes(data[length[1] :])
    except ValueError as error:
        raise ValidationError(f"{data[:48].hex()} is not a libp2p public key: {error}") from error
    raise ValidationError(f"{data[:48].hex()} is not a libp2p public key: it is not the PublicKey message of the specs")


def peer_id_of(public_key: bytes) -> PeerId:
    """The peer id of a marshalled public key: the key itself where it is at most 42 bytes, else its sha256."""
    if len(public_key) <= _LONGEST_INLINE:
        return peer_id_from_bytes(bytes((_IDENTITY, len(public_key))) + public_key)
    return peer_id_from_bytes(bytes((_SHA2_256, 32)) + hashlib.sha256(public_key).digest())


def public_key_of(peer_id: str) -> bytes | None:
    """The marshalled public key that a peer id holds; None for one that holds only a key's hash. Raises PeerIdError."""
    data = peer_id_bytes(peer_id)
    if data[0] != _IDENTITY:
        return None
    try:
        unmarshal_public_key(data[2:])
    except ValidationError as error:
        raise PeerIdError(f"{_shown(peer_id)} is not the id of any key: {error}") from error
    return data[2:]


def peer_id_from_bytes(multihash: bytes) -> PeerId:
    """The peer id of a multihash, as it stands in binary messages. Raises PeerIdError."""
    problem = _problem_with(multihash)
    if problem:
        raise PeerIdError(f"{multihash[:48].hex() or 'nothing'} is not a peer id in binary: {problem}")
    import base58

    return PeerId(base58.b58encode(multihash).decode())


def peer_id_bytes(peer_id: str) -> bytes:
    """The multihash of a peer id given as text, in either of its forms. Raises PeerIdError."""
    return _decode_text(peer_id)


def parse_peer_id(text: str) -> PeerId:
    """A peer id from text, base58btc or CIDv1 (peer-ids.md, "String representation"), as base58btc.
    Raises PeerIdError."""
    return peer_id_from_bytes(_decode_text(text))


def _problem_with(multihash: bytes) -> str | None:
    if len(multihash) < 2:
        return "it is too short to be a multihash"
    code, length, digest = multihash[0], multihash[1], multihash[2:]
    if code not in (_IDENTITY, _SHA2_256):
        return f"its hash function is {code:#04x}, and peer ids have identity (0x00) or sha2-256 (0x12)"
    if length != len(digest):
        return f"it says that {length} bytes follow, and {len(digest)} do"
    if code == _SHA2_256 and length != 32:
        return f"a sha2-256 digest has 32 bytes, not {length}"
    if code == _IDENTITY and not 0 < length <= _LONGEST_INLINE:
        return f"a key in a peer id has at most {_LONGEST_INLINE} bytes, not {length}"
    return None


def _decode_text(text: str) -> bytes:
    if not isinstance(text, str):
        raise PeerIdError(f"a peer id is text such as 12D3KooW…, not {text!r}")
    if not text:
        raise PeerIdError("'' is not a peer id: it is empty")
    if len(text) > _LONGEST_TEXT:
        raise _no_peer_id(text, f"it has {len(text)} characters, and none has over {_LONGEST_TEXT}")
    multihash = _decode_base58(text, text) if text.startswith(("1", "Qm")) else _multihash_of_cid(text)
    problem = _problem_with(multihash)
    if problem:
        raise _no_peer_id(text, problem)
    return multihash


def _multihash_of_cid(text: str) -> bytes:
    base, digits = text[0], text[1:]
    cid = b""
    if digits.isascii() and digits.isalnum():
        try:
            if base == "b":
                cid = base64.b32decode(digits.upper() + "=" * (-len(digits) % 8))
            elif base == "f":
                cid = bytes.fromhex(digits)
            elif base == "k":
                number = int(digits, 36)
                cid = number.to_bytes((number.bit_length() + 7) // 8, "big")
            elif base == "z":
                cid = _decode_base58(digits, text)
        except ValueError as error:
            raise _no_peer_id(text, f"its digits are not those of multibase {base!r}") from error
    if not cid:
        raise _no_peer_id(text, "one begins with 1, with Qm, or, as a CID, with b, f, k or z")
    if cid[:2] != bytes((1, _LIBP2P_KEY)):
        raise _no_peer_id(text, "it is not a CIDv1 of the kind libp2p-key")
    return cid[2:]


def _decode_base58(digits: str, text: str) -> bytes:
    import base58

    try:
        return base58.b58decode(digits)
    except ValueError as error:
        wrong = next((sign for sign in digits if sign not in _BASE58_SIGNS), "")
        raise _no_peer_id(text, f"{wrong!r} is not a base58btc digit") from error


_BASE58_SIGNS: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _no_peer_id(text: str, problem: str) -> PeerIdError:
    return PeerIdError(f"{_shown(text)} is not a peer id: {problem}")


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 80 else f"{text[:76]!r}…"
