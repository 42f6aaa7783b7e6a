"""Identities and peer ids, against the vectors of the specs and against the libraries that others use."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import PeerIdError, ValidationError
from p2plab.identity import ed25519, keys
from p2plab.identity.keys import (
    Identity,
    marshal_public_key,
    parse_peer_id,
    peer_id_bytes,
    peer_id_from_bytes,
    peer_id_of,
    public_key_of,
    unmarshal_public_key,
    verify,
)

# libp2p/specs peer-ids/peer-ids.md, "Test vectors" and "String representation"
ED25519_PRIVATE = (
    "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
    "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
)
ED25519_PUBLIC = "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
SECP256K1_PRIVATE = "0802122053DADF1D5A164D6B4ACDB15E24AA4C5B1D3461BDBD42ABEDB0A4404D56CED8FB"
SECP256K1_PUBLIC = "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99"
ECDSA_PUBLIC = (
    "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc9"
    "01d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62"
)
SHA256_ID = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
SHA256_ID_AS_CID = "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe"
ED25519_ID = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"

# RFC 8032, section 7.1: secret key, public key, message, signature
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
]


@pytest.fixture
def without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a browser kernel: the compiled package cannot be imported."""
    for name in [name for name in sys.modules if name == "cryptography" or name.startswith("cryptography.")]:
        monkeypatch.setitem(sys.modules, name, None)


class TestKeys:
    def test_the_specs_private_key_gives_the_specs_public_key(self) -> None:
        _, data = unmarshal_public_key(bytes.fromhex(ED25519_PRIVATE))
        node = Identity(data[:32])
        assert node.public_key.hex() == ED25519_PUBLIC
        assert node.private_key.hex() == ED25519_PRIVATE

    def test_the_derivation_is_what_the_module_says_it_is(self) -> None:
        seed = hashlib.sha256(b"p2plab identity 1\x007\x00alice").digest()
        assert Identity.derive(7, "alice").seed == seed

    def test_the_same_seed_and_name_give_the_same_node_for_ever(self) -> None:
        assert Identity.derive(7, "alice").peer_id == "12D3KooWCM6VemNSVVa8QWfFospV1rwdyvtFbaqhHjTUaqcXb7Hr"
        assert Identity.derive(7, "bob").peer_id != Identity.derive(7, "alice").peer_id
        assert Identity.derive(8, "alice").peer_id != Identity.derive(7, "alice").peer_id

    def test_a_peer_id_knows_the_name(self) -> None:
        assert Identity.derive(7, "alice").peer_id.name == "alice"

    def test_a_private_key_of_the_wrong_size_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="32 bytes"):
            Identity(b"short")

    def test_importing_it_imports_no_cryptography(self) -> None:
        names = "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
        code = f"import sys, p2plab.identity, p2plab.identity.address; {names}"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert not {"cryptography", "multiaddr", "base58", "google"} & set(loaded)


class TestEd25519WithoutCryptography:
    @pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
    def test_it_agrees_with_the_rfc(self, secret: str, public: str, message: str, signature: str) -> None:
        seed, data = bytes.fromhex(secret), bytes.fromhex(message)
        assert ed25519.public_key(seed).hex() == public
        assert ed25519.sign(seed, data).hex() == signature
        assert ed25519.verify(bytes.fromhex(public), data, bytes.fromhex(signature))

    @pytest.mark.dear
    @given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
    def test_it_agrees_with_cryptography(self, seed: bytes, data: bytes) -> None:
        compiled = Ed25519PrivateKey.from_private_bytes(seed)
        public = compiled.public_key().public_bytes_raw()
        assert ed25519.public_key(seed) == public
        signature = ed25519.sign(seed, data)
        assert signature == compiled.sign(data)
        assert ed25519.verify(public, data, signature)

    @pytest.mark.dear
    @given(st.integers(0, 511), st.binary(max_size=20))
    def test_it_agrees_with_cryptography_on_what_is_wrong(self, bit: int, data: bytes) -> None:
        node = Identity.derive(1, "n")
        spoilt = bytearray(node.sign(data))
        spoilt[bit // 8] ^= 1 << bit % 8
        assert not verify(node.public_key, data, bytes(spoilt))
        assert not ed25519.verify(node.raw_public_key, data, bytes(spoilt))

    def test_bytes_that_are_no_point_or_no_signature_do_not_verify(self) -> None:
        node = Identity.derive(1, "n")
        signature = node.sign(b"x")
        assert not ed25519.verify(b"\xff" * 32, b"x", signature)
        assert not ed25519.verify((2).to_bytes(32, "little"), b"x", signature)
        assert not ed25519.verify(node.raw_public_key, b"x", signature[:63])
        assert not ed25519.verify(node.raw_public_key, b"x", signature[:32] + b"\xff" * 32)

    @pytest.mark.usefixtures("without_cryptography")
    def test_an_identity_is_the_same_without_the_compiled_package(self) -> None:
        with pytest.raises(ImportError):
            import cryptography  # noqa: F401
        node = Identity.derive(7, "alice")
        assert node.peer_id == "12D3KooWCM6VemNSVVa8QWfFospV1rwdyvtFbaqhHjTUaqcXb7Hr"
        assert verify(node.public_key, b"hello", node.sign(b"hello"))
        assert not verify(node.public_key, b"hullo", node.sign(b"hello"))
        assert not verify(bytes.fromhex(SECP256K1_PUBLIC), b"hello", node.sign(b"hello"))


class TestSignatures:
    def test_a_signature_is_of_one_key_and_one_text(self) -> None:
        alice, bob = Identity.derive(7, "alice"), Identity.derive(7, "bob")
        signature = alice.sign(b"hello")
        assert verify(alice.public_key, b"hello", signature)
        assert not verify(alice.public_key, b"hullo", signature)
        assert not verify(bob.public_key, b"hello", signature)

    @given(st.binary(max_size=80), st.binary(max_size=80))
    def test_garbage_never_verifies_and_never_raises(self, key: bytes, signature: bytes) -> None:
        assert not verify(key, b"hello", signature)
        assert not verify(marshal_public_key(keys.ED25519, key), b"hello", signature)
        assert not verify(marshal_public_key(keys.RSA, key), b"hello", signature)
        assert not verify(marshal_public_key(keys.SECP256K1, key), b"hello", signature)
        assert not verify(marshal_public_key(keys.ECDSA, key), b"hello", signature)

    def test_keys_of_the_other_kinds_are_understood(self) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
        from cryptography.hazmat.primitives.hashes import SHA256

        der = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        secp = ec.derive_private_key(int(SECP256K1_PRIVATE[8:], 16), ec.SECP256K1())
        assert verify(bytes.fromhex(SECP256K1_PUBLIC), b"x", secp.sign(b"x", ec.ECDSA(SHA256())))
        curve = ec.generate_private_key(ec.SECP256R1())
        curve_key = marshal_public_key(keys.ECDSA, curve.public_key().public_bytes(*der))
        assert verify(curve_key, b"x", curve.sign(b"x", ec.ECDSA(SHA256())))
        big = rsa.generate_private_key(65537, 2048)
        big_key = marshal_public_key(keys.RSA, big.public_key().public_bytes(*der))
        assert verify(big_key, b"x", big.sign(b"x", padding.PKCS1v15(), SHA256()))
        assert not verify(big_key, b"y", big.sign(b"x", padding.PKCS1v15(), SHA256()))
        mislabelled = marshal_public_key(keys.ECDSA, big.public_key().public_bytes(*der))
        assert not verify(mislabelled, b"x", big.sign(b"x", padding.PKCS1v15(), SHA256()))


class TestPeerIds:
    @pytest.mark.parametrize("key", [ED25519_PUBLIC, SECP256K1_PUBLIC])
    def test_a_short_key_is_in_its_peer_id(self, key: str) -> None:
        peer_id = peer_id_of(bytes.fromhex(key))
        assert peer_id_bytes(peer_id) == bytes((0, len(key) // 2)) + bytes.fromhex(key)
        assert public_key_of(peer_id) == bytes.fromhex(key)

    def test_a_long_key_is_hashed(self) -> None:
        peer_id = peer_id_of(bytes.fromhex(ECDSA_PUBLIC))
        assert peer_id.startswith("Qm")
        assert peer_id_bytes(peer_id) == b"\x12\x20" + hashlib.sha256(bytes.fromhex(ECDSA_PUBLIC)).digest()
        assert public_key_of(peer_id) is None

    def test_the_specs_own_examples(self) -> None:
        assert parse_peer_id(SHA256_ID_AS_CID) == SHA256_ID
        assert parse_peer_id(SHA256_ID) == SHA256_ID
        assert parse_peer_id(ED25519_ID) == ED25519_ID
        key = public_key_of(ED25519_ID)
        assert key is not None
        assert unmarshal_public_key(key)[0] == keys.ED25519

    def test_it_agrees_with_py_libp2p(self) -> None:
        pytest.importorskip("libp2p", reason="py-libp2p is not installed")
        from libp2p.crypto.ed25519 import create_new_key_pair
        from libp2p.peer.id import ID

        node = Identity.derive(7, "alice")
        theirs = create_new_key_pair(node.seed)
        assert str(ID.from_pubkey(theirs.public_key)) == node.peer_id
        assert theirs.public_key.serialize() == node.public_key
        assert theirs.private_key.sign(b"x") == node.sign(b"x")

    @given(st.binary(min_size=32, max_size=32))
    def test_every_text_form_names_the_same_peer(self, digest: bytes) -> None:
        import base64

        import base58

        multihash = b"\x12\x20" + digest
        cid = b"\x01\x72" + multihash
        peer_id = peer_id_from_bytes(multihash)
        assert peer_id_bytes(peer_id) == multihash
        assert parse_peer_id("b" + base64.b32encode(cid).decode().rstrip("=").lower()) == peer_id
        assert parse_peer_id("f" + cid.hex()) == peer_id
        assert parse_peer_id("z" + base58.b58encode(cid).decode()) == peer_id
        assert parse_peer_id("k" + _base36(cid)) == peer_id

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "empty"),
            ("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5S0", "'0' is not a base58btc digit"),
            ("12D3", "bytes follow"),
            ("Qmé", "'é' is not a base58btc digit"),
            ("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5", "hash function|bytes follow"),
            ("xyz", "begins with"),
            ("b!", "begins with"),
            ("k 1", "begins with"),
            ("f0g", "multibase 'f'"),
            ("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", "libp2p-key"),
            ("<script>alert(1)</script>", "begins with"),
            ("1" * 200, "200 characters"),
        ],
    )
    def test_text_that_is_no_peer_id_is_refused_with_the_reason(self, text: str, problem: str) -> None:
        with pytest.raises(PeerIdError, match=problem):
            parse_peer_id(text)

    def test_what_is_not_text_is_refused(self) -> None:
        with pytest.raises(PeerIdError, match="not 5"):
            parse_peer_id(5)  # type: ignore[arg-type]

    @given(st.text(max_size=60))
    def test_any_text_gives_a_peer_id_or_a_peer_id_error(self, text: str) -> None:
        try:
            peer_id = parse_peer_id(text)
        except PeerIdError:
            return
        assert parse_peer_id(peer_id) == peer_id

    @pytest.mark.parametrize("data", [b"", b"\x12", b"\x13\x20" + b"x" * 32, b"\x12\x1f" + b"x" * 31, b"\x00\x00"])
    def test_bytes_that_are_no_multihash_of_a_key_are_refused(self, data: bytes) -> None:
        with pytest.raises(PeerIdError, match="peer id in binary"):
            peer_id_from_bytes(data)

    def test_an_id_that_holds_no_key_has_no_public_key(self) -> None:
        with pytest.raises(PeerIdError, match="not the id of any key"):
            public_key_of(peer_id_from_bytes(b"\x00\x03abc"))


def _base36(data: bytes) -> str:
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits
