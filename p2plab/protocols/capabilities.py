"""Capabilities: what the protocols of a node can do (a protocol of p2plab's own, ``/p2plab/capabilities/1.0.0``).

The dialler opens a stream and closes its side; the listener answers with one message, its length in front, and closes:

    message Capabilities { repeated Capability capabilities = 1; }
    message Capability   { optional string name = 1; repeated string versions = 2; repeated string features = 3; }

``name`` is a protocol id without its version. A peer that does not speak it is asked nothing more: what identify said
of its protocols gives names and versions, without features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity.protobuf import WireClasses
from p2plab.stream import NetStream
from p2plab.stream.negotiation.versions import split_version
from p2plab.text import decoded, says
from p2plab.typing import PeerId

__all__ = [
    "CAPABILITIES_ID",
    "CapabilitiesHandler",
    "Capability",
    "ask_capabilities",
    "capabilities_of",
    "check_features",
    "decode_capabilities",
    "encode_capabilities",
]

CAPABILITIES_ID: Final = "/p2plab/capabilities/1.0.0"

# Bounds on what a peer may say, and on what a node may declare.
_WHOLE: Final = 1 << 16
_NAMES: Final = 500
_WORDS: Final = 100  # versions or features of one protocol
_TEXT: Final = 128


@says
@dataclass(frozen=True, slots=True)
class Capability:
    """One protocol: its id without the version, the versions (or ranges of them) spoken, and the features offered."""

    name: str
    versions: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    def __str__(self) -> str:
        offered = f" with {', '.join(self.features)}" if self.features else ""
        return f"{self.name} {', '.join(self.versions)}".rstrip() + offered


def capabilities_of(protocols: Iterable[str], features: Mapping[str, Sequence[str]] | None = None) -> list[Capability]:
    """What a node with these protocol ids can do; ``features`` are by protocol id. Sorted by name."""
    versions: dict[str, dict[str, None]] = {}
    offered: dict[str, dict[str, None]] = {}
    for protocol in protocols:
        name, version = split_version(protocol)
        versions.setdefault(name, {})
        if version:
            versions[name][version] = None
        offered.setdefault(name, {}).update(dict.fromkeys((features or {}).get(protocol, ())))
    return [Capability(name, tuple(sorted(versions[name])), tuple(sorted(offered[name]))) for name in sorted(versions)]


def check_features(features: Iterable[str]) -> tuple[str, ...]:
    """The features that a protocol is declared with. Raises ValidationError."""
    checked = (features,) if isinstance(features, str) else tuple(features)
    for feature in checked:
        if not isinstance(feature, str) or not feature or len(feature) > _TEXT:
            raise ValidationError(f"a feature is text of 1 to {_TEXT} characters, not {feature!r}")
    if len(checked) > _WORDS:
        raise ValidationError(f"a protocol has at most {_WORDS} features, not {len(checked)}")
    return checked


_WIRE: Final = WireClasses(
    "p2plab.capabilities",
    {
        "Capability": "string name = 1; repeated string versions = 2; repeated string features = 3",
        "Capabilities": "repeated Capability capabilities = 1",
    },
)


def encode_capabilities(capabilities: Iterable[Capability]) -> bytes:
    """The protobuf, without a length in front."""
    message = _WIRE["Capabilities"]()
    for capability in capabilities:
        message.capabilities.add(name=capability.name, versions=capability.versions, features=capability.features)
    data: bytes = message.SerializeToString()
    return data


def decode_capabilities(data: bytes, peer: PeerId) -> list[Capability]:
    """What ``peer`` said, cut to the bounds above. ProtocolViolation for bytes that are no such message."""
    message = _WIRE.read("Capabilities", data, "Capabilities message", peer)
    return [
        Capability(
            decoded(each.name, _TEXT),
            tuple(decoded(text, _TEXT) for text in each.versions[:_WORDS]),
            tuple(decoded(text, _TEXT) for text in each.features[:_WORDS]),
        )
        for each in message.capabilities[:_NAMES]
        if each.name
    ]


async def ask_capabilities(stream: NetStream) -> list[Capability]:
    """Ask: the stream is fresh, and closed afterwards. Raises ProtocolViolation, StreamError."""
    async with stream:
        await stream.close_write()
        answer = await stream.read_message(_WHOLE)
        if answer is None:
            raise ProtocolViolation(f"{stream.peer!r} closed the stream without its capabilities")
        return decode_capabilities(answer, stream.peer)


class CapabilitiesHandler:
    """Answers ``/p2plab/capabilities/1.0.0``; ``declare(stream)`` gives what the node can do now."""

    def __init__(self, declare: Callable[[NetStream], Iterable[Capability]]) -> None:
        self._declare = declare

    async def handle(self, stream: NetStream) -> None:
        await stream.write_message(encode_capabilities(self._declare(stream)))
