"""The RPC of pubsub: what travels, its size, and its bytes.

- Messages: pubsub/README.md ("The RPC", "The Message"), gossipsub-v1.0.md to v1.3.md ("Protobuf").
- ``rpc_size`` reckons the size in bytes from lengths alone, so that a simulated link can charge for it without
  anything being encoded; it equals ``len(encode_rpc(rpc))``, which a property test holds.
- ``decode_rpc`` trusts nothing: what it returns is bounded by ``RpcLimits``, and whatever does not fit is a
  ProtocolViolation for the whole RPC (a peer that breaks the format is not a peer to be understood by halves).
- Topics and message ids are bytes on the wire. A topic that is not UTF-8 is a violation; ids are any bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from p2plab.constants import MAX_MESSAGE_SIZE
from p2plab.errors import ProtocolViolation
from p2plab.identity.protobuf import WireClasses
from p2plab.identity.varint import field_size, varint_size
from p2plab.pubsub.message import Publication

_WIRE: Final = WireClasses(
    "p2plab.pubsub",
    {  # an author is ``from`` in the spec, which is a word of Python
        "RPC": (
            "repeated SubOpts subscriptions = 1; repeated Message publish = 2; ControlMessage control = 3; "
            "TestExtension testExtension = 6492434"
        ),
        "SubOpts": "bool subscribe = 1; bytes topicid = 2",
        "Message": (
            "bytes author = 1; bytes data = 2; bytes seqno = 3; bytes topic = 4; bytes signature = 5; bytes key = 6"
        ),
        "ControlMessage": (
            "repeated ControlIHave ihave = 1; repeated ControlIWant iwant = 2; "
            "repeated ControlGraft graft = 3; repeated ControlPrune prune = 4; "
            "repeated ControlIDontWant idontwant = 5; ControlExtensions extensions = 6"
        ),
        "ControlIHave": "bytes topicID = 1; repeated bytes messageIDs = 2",
        "ControlIWant": "repeated bytes messageIDs = 1",
        "ControlGraft": "bytes topicID = 1",
        "ControlPrune": "bytes topicID = 1; repeated PeerInfo peers = 2; uint64 backoff = 3",
        "PeerInfo": "bytes peerID = 1; bytes signedPeerRecord = 2",
        "ControlIDontWant": "repeated bytes messageIDs = 1",
        "ControlExtensions": "bool testExtension = 6492434",
        "TestExtension": "",
    },
)


class Prune(NamedTuple):
    """``peers`` are (peer id in binary, signed peer record or b""); ``backoff`` is in seconds, None where not said."""

    topic: str
    peers: tuple[tuple[bytes, bytes], ...] = ()
    backoff: int | None = None


class Control:
    """The control part of an RPC. ``extensions`` are the names announced; None where the field is absent."""

    __slots__ = ("extensions", "graft", "idontwant", "ihave", "iwant", "prune")

    def __init__(
        self,
        ihave: tuple[tuple[str, tuple[bytes, ...]], ...] = (),
        iwant: tuple[tuple[bytes, ...], ...] = (),
        graft: tuple[str, ...] = (),
        prune: tuple[Prune, ...] = (),
        idontwant: tuple[tuple[bytes, ...], ...] = (),
        extensions: tuple[str, ...] | None = None,
    ) -> None:
        self.ihave = ihave
        self.iwant = iwant
        self.graft = graft
        self.prune = prune
        self.idontwant = idontwant
        self.extensions = extensions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Control) and all(getattr(self, f) == getattr(other, f) for f in Control.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = [f"{name}={getattr(self, name)!r}" for name in Control.__slots__ if getattr(self, name)]
        return f"<Control {' '.join(parts)}>"


class RPC:
    """One RPC. Shared by all who receive it: nobody changes it after it is made.

    ``subscriptions`` are (subscribe?, topic). ``size`` is its wire size in bytes, or -1 until ``rpc_size`` was asked.
    ``only`` is the one message of an RPC that is known to carry nothing else (``Publication.rpc``).
    """

    __slots__ = ("control", "only", "publish", "size", "subscriptions", "test_extension")

    def __init__(
        self,
        publish: tuple[Publication, ...] = (),
        control: Control | None = None,
        subscriptions: tuple[tuple[bool, str], ...] = (),
        size: int = -1,
        test_extension: bool = False,
    ) -> None:
        self.publish = publish
        self.control = control
        self.subscriptions = subscriptions
        self.size = size
        self.test_extension = test_extension
        self.only: Publication | None = None

    def __repr__(self) -> str:
        parts = [*(f"{'+' if on else '-'}{topic!r}" for on, topic in self.subscriptions[:5])]
        parts += [repr(publication) for publication in self.publish[:5]]
        if self.control is not None:
            parts.append(repr(self.control)[:200])
        return f"<RPC {' '.join(parts)}>"


class RpcLimits(NamedTuple):
    """What one RPC of a peer may hold. Sizes are in bytes."""

    size: int = MAX_MESSAGE_SIZE  # go-libp2p-pubsub, DefaultMaxMessageSize
    subscriptions: int = 1_000
    messages: int = 1_000
    controls: int = 1_000  # of each of IHAVE, IWANT, GRAFT, PRUNE, IDONTWANT
    topic: int = 1_024
    message_id: int = 1_024
    exchanged_peers: int = 100


# -- size


_EXTENSION_TAG = 4  # bytes of the tag of field 6492434


def rpc_size(rpc: RPC) -> int:
    """The size in bytes of the encoded RPC, without the length that precedes it on a stream."""
    if rpc.size >= 0:
        return rpc.size
    size = 0
    for _, topic in rpc.subscriptions:
        size += field_size(2 + field_size(len(topic.encode())))
    for publication in rpc.publish:
        size += publication.rpc_size
    if rpc.control is not None:
        size += field_size(_control_size(rpc.control))
    if rpc.test_extension:
        size += _EXTENSION_TAG + 1
    rpc.size = size
    return size


def _control_size(control: Control) -> int:
    size = 0
    for topic, ids in control.ihave:
        size += field_size(field_size(len(topic.encode())) + _ids_size(ids))
    for ids in control.iwant:
        size += field_size(_ids_size(ids))
    for topic in control.graft:
        size += field_size(field_size(len(topic.encode())))
    for prune in control.prune:
        inner = field_size(len(prune.topic.encode()))
        for peer_id, record in prune.peers:
            inner += field_size(field_size(len(peer_id)) + (field_size(len(record)) if record else 0))
        if prune.backoff is not None:
            inner += 1 + varint_size(prune.backoff)
        size += field_size(inner)
    for ids in control.idontwant:
        size += field_size(_ids_size(ids))
    if control.extensions is not None:
        size += field_size((_EXTENSION_TAG + 1) * len(control.extensions))
    return size


def _ids_size(ids: Sequence[bytes]) -> int:
    lengths = list(map(len, ids))  # the same, as a rule
    return sum(field_size(length) * lengths.count(length) for length in dict.fromkeys(lengths))


def split(rpc: RPC, limit: int) -> list[RPC]:
    """RPCs of at most ``limit`` bytes that together say the same; what is larger alone stays whole. One message id, one
    message or one topic is never cut."""
    parts: list[RPC] = [RPC(publish=(publication,)) for publication in rpc.publish]
    parts += [RPC(subscriptions=(subscription,)) for subscription in rpc.subscriptions]
    control = rpc.control
    if control is not None:
        each: list[Control] = [Control(graft=(topic,)) for topic in control.graft]
        each += [Control(prune=(prune,)) for prune in control.prune]
        for topic, ids in control.ihave:
            each += [Control(ihave=((topic, some),)) for some in _chunks(ids, limit // 2)]
        for ids in control.iwant:
            each += [Control(iwant=(some,)) for some in _chunks(ids, limit // 2)]
        for ids in control.idontwant:
            each += [Control(idontwant=(some,)) for some in _chunks(ids, limit // 2)]
        if control.extensions is not None:
            each.insert(0, Control(extensions=control.extensions))
        parts = [RPC(control=part) for part in each] + parts
    if rpc.test_extension:
        parts.append(RPC(test_extension=True))
    return parts


def _chunks(ids: tuple[bytes, ...], limit: int) -> Iterable[tuple[bytes, ...]]:
    start = size = 0
    for index, message_id in enumerate(ids):
        size += field_size(len(message_id))
        if size > limit and index > start:
            yield ids[start:index]
            start, size = index, field_size(len(message_id))
    yield ids[start:]


# -- bytes


def rpc_class() -> Any:
    """The protobuf class of an RPC, for who takes bytes apart."""
    return _WIRE["RPC"]


def encode_rpc(rpc: RPC) -> bytes:
    """The protobuf bytes of an RPC, without the length that precedes it on a stream."""
    out = _WIRE["RPC"]()
    for subscribe, topic in rpc.subscriptions:
        out.subscriptions.add(subscribe=subscribe, topicid=topic.encode())
    for publication in rpc.publish:
        out.publish.add().MergeFromString(encode_message(publication))
    if rpc.control is not None:
        _fill_control(out.control, rpc.control)
    if rpc.test_extension:
        out.testExtension.SetInParent()
    return out.SerializeToString()  # type: ignore[no-any-return]


def _fill_control(out: Any, control: Control) -> None:
    out.SetInParent()
    for topic, ids in control.ihave:
        out.ihave.add(topicID=topic.encode(), messageIDs=ids)
    for ids in control.iwant:
        out.iwant.add(messageIDs=ids)
    for topic in control.graft:
        out.graft.add(topicID=topic.encode())
    for prune in control.prune:
        entry = out.prune.add(topicID=prune.topic.encode())
        for peer_id, record in prune.peers:
            entry.peers.add(peerID=peer_id, **({"signedPeerRecord": record} if record else {}))
        if prune.backoff is not None:
            entry.backoff = prune.backoff
    for ids in control.idontwant:
        out.idontwant.add(messageIDs=ids)
    if control.extensions is not None:
        out.extensions.SetInParent()
        for name in control.extensions:
            setattr(out.extensions, name, True)


def encode_message(publication: Publication, signed: bool = True) -> bytes:
    """The protobuf bytes of a message; without ``signature`` and ``key`` where ``signed`` is false, which is what a
    signature covers (pubsub/README.md, "Message Signing")."""
    wire = publication.wire
    if not wire:
        fields = {"data": publication.data, "topic": publication.topic.encode()}
        if publication.author:
            fields["author"] = publication.author
        if publication.seqno:
            fields["seqno"] = publication.seqno
        if signed and publication.signature:
            fields["signature"] = publication.signature
        if signed and publication.key:
            fields["key"] = publication.key
        wire = _WIRE["Message"](**fields).SerializeToString()
    elif not signed:
        message = _WIRE["Message"].FromString(wire)
        message.ClearField("signature")
        message.ClearField("key")
        wire = message.SerializeToString()
    return wire


def decode_rpc(data: bytes, limits: RpcLimits = RpcLimits()) -> RPC:  # noqa: B008  # immutable
    """The RPC in these bytes. ProtocolViolation for what is malformed or over the limits; unknown fields are skipped,
    except those of a message, which its signature may cover."""
    from google.protobuf.message import DecodeError

    if len(data) > limits.size:
        raise ProtocolViolation(f"an RPC of {len(data)} bytes is over the limit of {limits.size}")
    try:
        wire = _WIRE["RPC"].FromString(bytes(data))
    except DecodeError as error:
        raise ProtocolViolation(f"{len(data)} bytes that begin {bytes(data[:16]).hex()} are no RPC: {error}") from error
    _bound("subscriptions", len(wire.subscriptions), limits.subscriptions)
    _bound("messages", len(wire.publish), limits.messages)
    return RPC(
        publish=tuple(_message_of(message, limits) for message in wire.publish),
        control=_control_of(wire.control, limits) if wire.HasField("control") else None,
        subscriptions=tuple((entry.subscribe, _topic_of(entry.topicid, limits)) for entry in wire.subscriptions),
        size=len(data),
        test_extension=wire.HasField("testExtension"),
    )


def _bound(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise ProtocolViolation(f"an RPC with {count} {what} is over the limit of {limit}")


def _topic_of(data: bytes, limits: RpcLimits) -> str:
    if not 0 < len(data) <= limits.topic:
        raise ProtocolViolation(f"a topic of {len(data)} bytes is outside 1 to {limits.topic}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ProtocolViolation(f"the topic {data[:32].hex()} is not UTF-8") from error


def _ids_of(ids: Iterable[bytes], limits: RpcLimits) -> tuple[bytes, ...]:
    found = tuple(ids)
    for message_id in found:
        if len(message_id) > limits.message_id:
            raise ProtocolViolation(f"a message id of {len(message_id)} bytes is over the limit of {limits.message_id}")
    return found


def _message_of(wire: Any, limits: RpcLimits) -> Publication:
    return Publication(
        topic=_topic_of(wire.topic, limits),
        data=wire.data,
        author=wire.author,
        seqno=wire.seqno,
        signature=wire.signature,
        key=wire.key,
        wire=wire.SerializeToString(),
    )


def _control_of(wire: Any, limits: RpcLimits) -> Control:
    for name in ("ihave", "iwant", "graft", "prune", "idontwant"):
        _bound(name.upper(), len(getattr(wire, name)), limits.controls)
    for prune in wire.prune:
        _bound("peers in a PRUNE", len(prune.peers), limits.exchanged_peers)
    extensions = None
    if wire.HasField("extensions"):
        extensions = tuple(field.name for field, on in wire.extensions.ListFields() if on)
    return Control(
        ihave=tuple((_topic_of(entry.topicID, limits), _ids_of(entry.messageIDs, limits)) for entry in wire.ihave),
        iwant=tuple(_ids_of(entry.messageIDs, limits) for entry in wire.iwant),
        graft=tuple(_topic_of(entry.topicID, limits) for entry in wire.graft),
        prune=tuple(
            Prune(
                _topic_of(entry.topicID, limits),
                tuple((peer.peerID, peer.signedPeerRecord) for peer in entry.peers),
                entry.backoff if entry.HasField("backoff") else None,
            )
            for entry in wire.prune
        ),
        idontwant=tuple(_ids_of(entry.messageIDs, limits) for entry in wire.idontwant),
        extensions=extensions,
    )
