"""Signatures of messages, and what each policy asks of one (pubsub/README.md, "Message Signing")."""

from __future__ import annotations

from typing import Protocol

from p2plab.pubsub.message import Publication
from p2plab.typing import PeerId

STRICT_SIGN = "StrictSign"  # author, seqno and signature are set, and the signature is checked
STRICT_NO_SIGN = "StrictNoSign"  # none of author, seqno, signature and key is set
POLICIES = (STRICT_SIGN, STRICT_NO_SIGN)

_PREFIX = b"libp2p-pubsub:"
_IDENTITY_MULTIHASH = 0


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
