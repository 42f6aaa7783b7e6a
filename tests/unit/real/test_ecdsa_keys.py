"""A peer whose key is ECDSA: its id, and what it signs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from libp2p.crypto.serialization import deserialize_public_key
from libp2p.peer.id import ID

from p2plab.identity.keys import marshal_public_key, peer_id_of

ECDSA = 3

# The specification's example (libp2p/specs peer-ids/peer-ids.md, "Test vectors"): a P-256 key, marshalled.
MARSHALLED = bytes.fromhex(
    "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4b"
    "c901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62"
)


def test_the_specifications_key_is_read_and_written() -> None:
    key = deserialize_public_key(MARSHALLED)
    assert key.serialize() == MARSHALLED
    assert ID.from_pubkey(key).to_string() == str(peer_id_of(MARSHALLED))


def test_a_signature_is_verified() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = deserialize_public_key(marshal_public_key(ECDSA, der))
    signature = private.sign(b"data", ec.ECDSA(hashes.SHA256()))
    assert key.verify(b"data", signature)
    assert not key.verify(b"other", signature)
    assert not key.verify(b"data", b"")


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="no ECDSA key"):
        deserialize_public_key(marshal_public_key(ECDSA, bytes(2000)))


def test_it_is_a_remedy_of_the_process() -> None:
    code = """
import p2plab.real
from libp2p.crypto.keys import KeyType
from libp2p.crypto.serialization import key_type_to_public_key_deserializer as table
print(KeyType.ECDSA.value in table)
"""
    for off, expected in (("", "True"), ("ECDSA keys", "False")):
        environment = {**os.environ, "P2PLAB_WITHOUT_REMEDIES": off}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
