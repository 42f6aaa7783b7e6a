"""A published message: ``Message`` as a user sees it, ``Publication`` as it travels; its signature, and what each
policy asks of one (pubsub/README.md, "Message Signing").

``Publication`` is shared: every copy of a message in a simulated network is the same object, so its id and size are
reckoned once and its signature is made and verified at most once, whatever the number of copies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from p2plab import text
from p2plab.identity.varint import field_size, varint_size
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.pubsub.rpc import RPC

STRICT_SIGN = "StrictSign"  # author, seqno and signature are set, and the signature is checked
STRICT_NO_SIGN = "StrictNoSign"  # none of author, seqno, signature and key is set
POLICIES = (STRICT_SIGN, STRICT_NO_SIGN)

_PREFIX = b"libp2p-pubsub:"
_IDENTITY_MULTIHASH = 0
SIGNATURE_SIZE = 64  # bytes of an Ed25519 signature
_SHOWN = 32  # bytes of data in a repr


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A message as it was delivered to one node: its ``topic``, and its ``data`` as bytes.

    ``sender`` is its author (None under StrictNoSign), ``received_from`` the peer it came from: the node itself for
    its own messages. ``id`` is the message id as hex (pubsub/README.md, "Message Identification"; author and seqno
    unless the lab has a function of its own). ``received_at`` is lab time in seconds. ``dropped``: of what
    ``publish`` returned, why it was not sent: a message with its id had been (None: it was sent).
    """

    topic: str
    data: bytes
    sender: PeerId | None
    received_from: PeerId
    id: str
    seqno: int | None
    received_at: float
    dropped: str | None = None

    def __repr__(self) -> str:
        author = "nobody" if self.sender is None else self.sender.name or self.sender.short
        last_hop = self.received_from.name or self.received_from.short
        return (
            f"<Message {text.shown(self.topic)!r} from {author} by {last_hop}: {shown(self.data)} "
            f"…{self.id[-8:]} at {self.received_at:.4f}s"
            f"{f', not sent: {self.dropped}' if self.dropped else ''}>"
        )


def shown(data: bytes) -> str:
    """The beginning of the data as a bytes literal, and how much more there is."""
    more = len(data) - _SHOWN
    return repr(bytes(data[:_SHOWN])) + (f"… ({len(data)} B)" if more > 0 else "")


class Publication:
    """One published message on its way. Nothing of it changes after it is made, save what is remembered about it.

    ``author``, ``seqno`` and ``key`` are the wire's ``from``, ``seqno`` and ``key`` (empty: not set). ``wire`` is the
    message's own bytes where it came as bytes: it is passed on and verified as it came, fields we do not know included.
    ``origin`` is the author's index in the event log, or -1. ``size`` is the encoded message in bytes. ``verified`` is
    None until somebody has checked the signature.
    """

    __slots__ = (
        "_rpc",
        "_sign",
        "_signature",
        "author",
        "data",
        "id",
        "key",
        "named",
        "origin",
        "ref",
        "rpc_size",
        "seqno",
        "size",
        "topic",
        "verified",
        "wire",
    )

    def __init__(
        self,
        topic: str,
        data: bytes,
        author: bytes = b"",
        seqno: bytes = b"",
        signature: bytes = b"",
        key: bytes = b"",
        wire: bytes = b"",
        origin: int = -1,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.topic = topic
        self.data = data
        self.author = author
        self.seqno = seqno
        self.key = key
        self.wire = wire
        self.origin = origin
        self.verified: bool | None = None
        self.named: tuple[object, bytes, str] | None = None  # a custom message-id function, its answer, that as hex
        # pubsub/README.md, "Message Identification"; without an author the content has to do.
        self.id = author + seqno or hashlib.sha256(data).digest()
        self.ref = self.id.hex()
        self._signature = signature
        self._sign = sign
        self.size = size = len(wire) or self._reckon()
        self._rpc: RPC | None = None
        self.rpc_size = 1 + varint_size(size) + size  # of an RPC that carries this message and nothing else

    def _reckon(self) -> int:
        size = field_size(len(self.data)) + field_size(len(self.topic.encode()))
        signature = SIGNATURE_SIZE if self._sign is not None else len(self._signature)
        for length in (len(self.author), len(self.seqno), signature, len(self.key)):
            if length:
                size += field_size(length)
        return size

    @property
    def signature(self) -> bytes:
        """The signature, made now where it was left to be made when first asked for."""
        if not self._signature and self._sign is not None:
            self._signature = self._sign(signed_bytes(self))
        return self._signature

    @property
    def rpc(self) -> RPC:
        """The RPC that carries this message and nothing else, shared by all who pass it on."""
        rpc = self._rpc
        if rpc is None:
            from p2plab.pubsub.rpc import RPC

            rpc = self._rpc = RPC((self,), size=self.rpc_size)
            rpc.only = self
        return rpc

    def __repr__(self) -> str:
        return f"<Publication {text.shown(self.topic)!r} …{self.ref[-8:]}: {shown(self.data)}>"


class Signer(Protocol):
    """What publishing needs of a node's identity; ``p2plab.identity.keys.Identity`` is one."""

    @property
    def peer_id(self) -> PeerId: ...

    def sign(self, data: bytes) -> bytes: ...


def signed_bytes(publication: Publication) -> bytes:
    """What the author signs: the message without signature and key, behind a prefix."""
    from p2plab.pubsub.rpc import encode_message

    return _PREFIX + encode_message(publication, signed=False)


def refusal(publication: Publication, policy: str) -> str | None:
    """Why the policy refuses the message, or None. The signature itself is checked once for all copies."""
    if policy == STRICT_NO_SIGN:
        signed = publication.author or publication.seqno or publication.key or publication.signature
        return "unexpected signature" if signed else None
    if publication.verified is None:
        if not (publication.author and publication.seqno and publication.signature):
            return "missing signature"
        publication.verified = verify(publication)
    return None if publication.verified else "bad signature"


def verify(publication: Publication) -> bool:
    """Whether the author's key made the signature. The key is the one in the peer id, or the ``key`` field where the
    peer id holds only a hash; a ``key`` that is not the author's is a bad signature."""
    from p2plab.errors import PeerIdError
    from p2plab.identity import keys

    key, author = publication.key, publication.author
    try:
        peer_id = keys.peer_id_from_bytes(author)
        if not key:
            if author[0] != _IDENTITY_MULTIHASH:
                return False
            key = author[2:]
        elif keys.peer_id_of(key) != peer_id:
            return False
    except PeerIdError:
        return False
    return keys.verify(key, signed_bytes(publication), publication.signature)
