"""The key of a private network, and the texts it comes in (libp2p/specs pnet/Private-Networks-PSK-V1.md).

The key itself is shown nowhere: not in errors, reprs or events. Its fingerprint, from which it cannot be found, is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import Any, Final

from Crypto.Cipher import Salsa20

from p2plab.errors import ValidationError

__all__ = ["NetworkKey", "check_psk"]

_SIZE: Final = 32  # bytes
_LONGEST: Final = 1024  # bytes of a key file
_CODEC: Final = b"/key/swarm/psk/1.0.0/"
_FORMS: Final = (
    "64 hexadecimal digits, the text of a swarm.key file (/key/swarm/psk/1.0.0/, then /base16/, /base64/ or /bin/, "
    "then the key, each on a line of its own), or the path of such a file"
)


class NetworkKey:
    """A key of 32 bytes. It equals whatever it may be read from."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _SIZE:
            raise ValidationError(f"the key of a private network has {_SIZE} bytes, and this one {len(secret)}")
        self.secret = secret

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, as go-libp2p and rust-libp2p show them: SHAKE128 of 64 bytes of Salsa20's key stream
        under the nonce ``finprint``."""
        stream = Salsa20.new(key=self.secret, nonce=b"finprint").encrypt(bytes(64))
        return hashlib.shake_128(stream).hexdigest(16)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NetworkKey):
            try:
                other = check_psk(other)
            except ValidationError:
                return False
        return isinstance(other, NetworkKey) and other.secret == self.secret

    def __hash__(self) -> int:
        return hash(self.secret)

    def __repr__(self) -> str:
        return f"<private network {self.fingerprint}>"


def check_psk(value: Any) -> NetworkKey | None:
    """The key that a setting stands for; None for no private network. Raises ValidationError."""
    if value is None or isinstance(value, NetworkKey):
        return value
    if isinstance(value, os.PathLike):
        return _read(Path(value))
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("/key/"):
            return _parse(value.encode())
        if len(text) == 2 * _SIZE and set(text.lower()) <= set("0123456789abcdef"):
            return NetworkKey(bytes.fromhex(text))
        if 0 < len(text) < _LONGEST and "\n" not in text and Path(text).is_file():
            return _read(Path(text))
        raise ValidationError(f"psk is {_FORMS}; this is a str of {len(value)} characters that is none of them")
    if isinstance(value, (bytes, bytearray)):
        return _parse(bytes(value))
    raise ValidationError(f"psk is {_FORMS}, not a {type(value).__name__}")


def _read(path: Path) -> NetworkKey:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise ValidationError(f"psk={str(path)!r} cannot be read: {error.strerror}") from error
    try:
        return _parse(content)
    except ValidationError as error:
        raise ValidationError(f"psk={str(path)!r} is no key file: {error}") from None


def _parse(content: bytes) -> NetworkKey:
    """A key file's content. The errors do not quote it."""
    if len(content) > _LONGEST:
        raise ValidationError(f"a swarm.key has at most {_LONGEST} bytes")
    codec, _, rest = content.partition(b"\n")
    base, _, key = rest.partition(b"\n")
    if codec.strip() != _CODEC:
        raise ValidationError(f"a swarm.key begins with the line {_CODEC.decode()}, and this one does not")
    try:
        if base.strip() == b"/bin/":
            return NetworkKey(key if len(key) == _SIZE else key.rstrip(b"\r\n"))
        if base.strip() == b"/base16/":
            return NetworkKey(binascii.unhexlify(key.strip()))
        if base.strip() == b"/base64/":
            return NetworkKey(base64.b64decode(key.strip(), validate=True))
    except binascii.Error:
        raise ValidationError(f"the key in a swarm.key is not what its {base.strip().decode()} says") from None
    raise ValidationError("the second line of a swarm.key is /base16/, /base64/ or /bin/, and of this one it is not")
