"""The messages of rendezvous (rendezvous/README.md, "Protobuf"): their bytes, strictly decoded.

Namespaces are bytes here: what is no text, or too long, is refused by the point with its code and not by the decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

from p2plab.errors import ProtocolViolation
from p2plab.identity.protobuf import WireClasses

__all__ = [
    "MAX_MESSAGE",
    "MAX_REQUEST",
    "RENDEZVOUS_ID",
    "Discover",
    "Discovered",
    "Message",
    "Register",
    "Registered",
    "Status",
    "Unregister",
    "decode_message",
    "encode_message",
    "registration_size",
]

RENDEZVOUS_ID: Final = "/rendezvous/1.0.0"
MAX_MESSAGE: Final = 1 << 20  # bytes, as in rust-libp2p
MAX_REQUEST: Final = 16_384  # bytes: a signed record has at most 8,192
_MOST: Final = 10_000  # registrations in one answer
_SHOWN: Final = 300  # characters of a peer's words that are kept


class Status(IntEnum):
    """``ResponseStatus`` of the spec."""

    OK = 0
    E_INVALID_NAMESPACE = 100
    E_INVALID_SIGNED_PEER_RECORD = 101
    E_INVALID_TTL = 102
    E_INVALID_COOKIE = 103
    E_NOT_AUTHORIZED = 200
    E_INTERNAL_ERROR = 300
    E_UNAVAILABLE = 400


@dataclass(frozen=True, slots=True)
class Register:
    """Put the sender into a namespace, for ``ttl`` seconds (None: as long as the point likes). Also one of the
    registrations of an answer."""

    namespace: bytes
    record: bytes
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """The answer to ``Register``; ``ttl`` is how long it will stay."""

    status: Status
    text: str = ""
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Unregister:
    """Take the sender out of a namespace. It is not answered."""

    namespace: bytes


@dataclass(frozen=True, slots=True)
class Discover:
    """Ask for who is in a namespace (None: in any), at most ``limit``, and only for what is new since the answer that
    the cookie came with."""

    namespace: bytes | None
    limit: int | None = None
    cookie: bytes = b""


@dataclass(frozen=True, slots=True)
class Discovered:
    """The answer to ``Discover``."""

    status: Status
    registrations: tuple[Register, ...] = ()
    cookie: bytes = b""
    text: str = ""


Message: TypeAlias = Register | Registered | Unregister | Discover | Discovered


_WIRE: Final = WireClasses(
    "p2plab.rendezvous",
    {
        "Message": (
            "int32 type = 1; Register register = 2; RegisterResponse registerResponse = 3; "
            "Unregister unregister = 4; Discover discover = 5; DiscoverResponse discoverResponse = 6"
        ),
        "Register": "bytes ns = 1; bytes signedPeerRecord = 2; uint64 ttl = 3",
        "RegisterResponse": "int32 status = 1; bytes statusText = 2; uint64 ttl = 3",
        "Unregister": "bytes ns = 1",
        "Discover": "bytes ns = 1; uint64 limit = 2; bytes cookie = 3",
        "DiscoverResponse": (
            "repeated Register registrations = 1; bytes cookie = 2; int32 status = 3; bytes statusText = 4"
        ),
    },
)


_FIELDS: Final = ("register", "registerResponse", "unregister", "discover", "discoverResponse")  # in order of type


def encode_message(message: Message) -> bytes:
    """The protobuf of a ``Message`` with this in it, without a length in front."""
    whole = _WIRE["Message"]()
    if isinstance(message, Register):
        whole.type = 0
        _fill(whole.register, message)
    elif isinstance(message, Registered):
        whole.type = 1
        whole.registerResponse.status = int(message.status)
        whole.registerResponse.statusText = message.text.encode()
        if message.ttl is not None:
            whole.registerResponse.ttl = message.ttl
    elif isinstance(message, Unregister):
        whole.type = 2
        whole.unregister.ns = message.namespace
    elif isinstance(message, Discover):
        whole.type = 3
        whole.discover.SetInParent()
        if message.namespace is not None:
            whole.discover.ns = message.namespace
        if message.limit is not None:
            whole.discover.limit = message.limit
        if message.cookie:
            whole.discover.cookie = message.cookie
    else:
        whole.type = 4
        for registration in message.registrations:
            _fill(whole.discoverResponse.registrations.add(), registration)
        whole.discoverResponse.cookie = message.cookie
        whole.discoverResponse.status = int(message.status)
        whole.discoverResponse.statusText = message.text.encode()
    data: bytes = whole.SerializeToString()
    return data


def _fill(entry: Any, registration: Register) -> None:
    entry.ns = registration.namespace
    entry.signedPeerRecord = registration.record
    if registration.ttl is not None:
        entry.ttl = registration.ttl


def registration_size(registration: Register) -> int:
    """Bytes that it takes in an answer, a few more rather than fewer."""
    return len(registration.namespace) + len(registration.record) + 32


def decode_message(data: bytes) -> Message:
    """ProtocolViolation for bytes that are no message, a type that is not known or does not fit what is in it, and a
    status that is not known."""
    whole = _WIRE.read("Message", data, "rendezvous message")
    if not 0 <= whole.type < len(_FIELDS):
        raise ProtocolViolation(f"a rendezvous message of type {whole.type}; there are types 0 to 4")
    name = _FIELDS[whole.type]
    if not whole.HasField(name):
        raise ProtocolViolation(f"a rendezvous message of type {whole.type} without its {name}")
    said = getattr(whole, name)
    if name == "register":
        return _registration(said)
    if name == "registerResponse":
        return Registered(_status(said.status), _text(said.statusText), said.ttl if said.HasField("ttl") else None)
    if name == "unregister":
        return Unregister(said.ns)
    if name == "discover":
        limit = said.limit if said.HasField("limit") else None
        return Discover(said.ns if said.HasField("ns") else None, limit, said.cookie)
    if len(said.registrations) > _MOST:
        raise ProtocolViolation(f"an answer with {len(said.registrations)} registrations; at most {_MOST} are taken")
    found = tuple(_registration(entry) for entry in said.registrations)
    return Discovered(_status(said.status), found, said.cookie, _text(said.statusText))


def _registration(said: Any) -> Register:
    return Register(said.ns, said.signedPeerRecord, said.ttl if said.HasField("ttl") else None)


def _status(code: int) -> Status:
    try:
        return Status(code)
    except ValueError:
        raise ProtocolViolation(f"a rendezvous answer with status {code}, which is not known") from None


def _text(data: bytes) -> str:
    return data[:_SHOWN].decode("utf-8", "replace")
