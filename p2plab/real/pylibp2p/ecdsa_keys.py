"""Peers with ECDSA keys, which py-libp2p has the number of and no reader for (libp2p/specs peer-ids/peer-ids.md)."""

from __future__ import annotations

from libp2p.crypto import serialization
from libp2p.crypto.keys import KeyType, PublicKey

from p2plab.errors import PeerIdError
from p2plab.identity.keys import marshal_public_key, unmarshal_public_key, verify

__all__ = ["EcdsaPublicKey", "read_ecdsa_keys"]


class EcdsaPublicKey(PublicKey):
    """A peer's key as the specification has it: the DER of its SubjectPublicKeyInfo; signatures are over SHA-256."""

    def __init__(self, der: bytes) -> None:
        self._der = der
        self._marshalled = marshal_public_key(KeyType.ECDSA.value, der)

    @classmethod
    def from_bytes(cls, data: bytes) -> EcdsaPublicKey:
        """Raises PeerIdError (a ValueError) for bytes that are too many for such a key."""
        key = cls(data)
        if unmarshal_public_key(key._marshalled) != (KeyType.ECDSA.value, data) or len(data) > 1024:
            raise PeerIdError(f"{len(data)} bytes are no ECDSA key")
        return key

    def to_bytes(self) -> bytes:
        return self._der

    def get_type(self) -> KeyType:
        return KeyType.ECDSA

    def verify(self, data: bytes, signature: bytes) -> bool:
        return verify(self._marshalled, data, signature)


def read_ecdsa_keys() -> None:
    """Have the library's handshakes, peer ids and signed messages take them, in the whole process."""
    serialization.key_type_to_public_key_deserializer.setdefault(KeyType.ECDSA.value, EcdsaPublicKey.from_bytes)
