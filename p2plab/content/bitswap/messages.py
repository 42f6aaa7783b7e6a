"""Bitswap's messages (BITSWAP.md, "Wire Format"), of the versions 1.0 to 1.2, strictly read and bounded.

1.0 has blocks without what their CIDs begin with, so they are CIDv0; 1.1 has payloads, which say it; 1.2 has wants for
news of a block alone, and says who has and has not got one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from p2plab.content.bitswap.params import MAX_MESSAGE
from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity.cid import DAG_PB, Cid, as_cid, cid_for, cid_from_prefix
from p2plab.identity.protobuf import WireClasses
from p2plab.identity.varint import encode_varint

__all__ = ["BitswapMessage", "WantEntry", "decode_message", "encode_message"]

_HAVE: Final = 0
_DONT_HAVE: Final = 1


class WantEntry(NamedTuple):
    """A line of a wantlist. ``block``: the block itself is wanted, else only whether the peer has it."""

    cid: Cid
    priority: int = 1
    cancel: bool = False
    block: bool = True
    send_dont_have: bool = False


class BitswapMessage(NamedTuple):
    """``full``: the wantlist stands in place of all before it. ``pending``: bytes of blocks that are to follow."""

    wants: Sequence[WantEntry] = ()
    full: bool = False
    blocks: Sequence[tuple[Cid, bytes]] = ()
    haves: Sequence[Cid] = ()
    dont_haves: Sequence[Cid] = ()
    pending: int = 0


_WIRE: Final = WireClasses(
    "p2plab.bitswap",
    {
        "Entry": ("bytes block = 1; int32 priority = 2; bool cancel = 3; int32 wantType = 4; bool sendDontHave = 5"),
        "Wantlist": "repeated Entry entries = 1; bool full = 2",
        "Block": "bytes prefix = 1; bytes data = 2",
        "BlockPresence": "bytes cid = 1; int32 type = 2",
        "Message": (
            "Wantlist wantlist = 1; repeated bytes blocks = 2; repeated Block payload = 3; "
            "repeated BlockPresence blockPresences = 4; int32 pendingBytes = 5"
        ),
    },
)


def bitswap_class() -> Any:
    """The class of the protobuf message that a stream of Bitswap carries, for those who look into bytes."""
    return _WIRE["Message"]


def _prefix(cid: Cid) -> bytes:
    return b"".join(map(encode_varint, (cid.version, cid.codec, cid.hash, len(cid.digest))))


def encode_message(message: BitswapMessage, version: int = 2) -> bytes:
    """The bytes of a message in protocol 1.``version``, which leaves out what that has no words for."""
    whole = _WIRE["Message"]()
    whole.wantlist.full = message.full
    for entry in message.wants:
        line = whole.wantlist.entries.add(block=entry.cid.to_bytes(), priority=entry.priority)
        if entry.cancel:
            line.cancel = True
        if version >= 2:
            if not entry.block:
                line.wantType = 1
            if entry.send_dont_have:
                line.sendDontHave = True
    for cid, data in message.blocks:
        if version == 0:
            whole.blocks.append(data)
        else:
            whole.payload.add(prefix=_prefix(cid), data=data)
    if version >= 2:
        for cid in message.haves:
            whole.blockPresences.add(cid=cid.to_bytes(), type=_HAVE)
        for cid in message.dont_haves:
            whole.blockPresences.add(cid=cid.to_bytes(), type=_DONT_HAVE)
        if message.pending:
            whole.pendingBytes = min(message.pending, (1 << 31) - 1)
    encoded: bytes = whole.SerializeToString()
    return encoded


def decode_message(data: bytes, max_entries: int = 16_384) -> BitswapMessage:
    """The message. Its blocks have the CIDs that their bytes have: what was asked for is for others to say.

    ProtocolViolation for bytes that are no such message, for what is no CID, a hash that is not supported, and for one
    with more than ``max_entries`` lines of a kind.
    """
    if len(data) > MAX_MESSAGE:
        raise ProtocolViolation(f"a Bitswap message of {len(data)} bytes; at most {MAX_MESSAGE} are read")
    whole = _WIRE.read("Message", data, "Bitswap message")
    lines = len(whole.wantlist.entries) + len(whole.blockPresences)
    if lines > max_entries or len(whole.payload) + len(whole.blocks) > max_entries:
        raise ProtocolViolation(f"a Bitswap message of {lines} lines; at most {max_entries} are read")
    try:
        wants = [
            WantEntry(as_cid(line.block), line.priority, line.cancel, line.wantType == 0, line.sendDontHave)
            for line in whole.wantlist.entries
        ]
        blocks = [(cid_from_prefix(one.prefix, one.data), one.data) for one in whole.payload]
        blocks += [(cid_for(old, DAG_PB, version=0), old) for old in whole.blocks]
        haves = [as_cid(one.cid) for one in whole.blockPresences if one.type == _HAVE]
        dont_haves = [as_cid(one.cid) for one in whole.blockPresences if one.type == _DONT_HAVE]
    except ValidationError as error:
        raise ProtocolViolation(f"a Bitswap message that names what is no CID: {error}") from error
    presences = tuple(haves), tuple(dont_haves)
    return BitswapMessage(tuple(wants), whole.wantlist.full, tuple(blocks), *presences, max(0, whole.pendingBytes))
