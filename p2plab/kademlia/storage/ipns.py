"""IPNS records: signed pointers that can be moved (ipfs/specs ipns/ipns-record).

A record stands under ``/ipns/<the binary id of the key that signs it>``. Only its second version's signature counts;
the copies of the fields that older software reads must agree with what is signed. Of two records the one with the
higher sequence number is better, then the one that is valid longer, then the one whose bytes are greater.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import LabError, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.keys import peer_id_bytes, peer_id_from_bytes, peer_id_of, public_key_of, verify
from p2plab.identity.protobuf import WireClasses
from p2plab.kademlia.storage.rfc3339 import NANOSECONDS, date_text, nanoseconds_of

if TYPE_CHECKING:
    from p2plab.identity.keys import Identity

__all__ = ["MAX_RECORD_SIZE", "IpnsRecord", "IpnsValidator", "make_ipns_record", "read_ipns_record"]

MAX_RECORD_SIZE: Final = 10 * 1024  # ipns-record, "Record Size Limit"
_PREFIX: Final = b"ipns-signature:"
_LARGEST: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class IpnsRecord:
    """What an IPNS record says. ``expires`` is in nanoseconds since 1970, ``ttl`` in nanoseconds."""

    value: bytes
    sequence: int
    expires: int
    ttl: int


_WIRE: Final = WireClasses(
    "p2plab.ipns",
    {
        "IpnsEntry": (
            "bytes value = 1; bytes signatureV1 = 2; int32 validityType = 3; bytes validity = 4; "
            "uint64 sequence = 5; uint64 ttl = 6; bytes pubKey = 7; bytes signatureV2 = 8; bytes data = 9"
        ),
    },
)


def make_ipns_record(
    identity: Identity, value: str | bytes, sequence: int, now: float, lifetime: float = 48 * 3600.0, ttl: float = 300.0
) -> bytes:
    """A record for ``/ipns/<identity's peer id>`` that points at ``value`` (a path such as ``/ipfs/bafy...``).

    ``now`` is unix time, ``lifetime`` how long it is valid and ``ttl`` how long it may be cached, all in seconds.
    """
    if isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 <= sequence <= _LARGEST:
        raise ValidationError(f"a sequence number is a whole number from 0 to 2**64 - 1, not {sequence!r}")
    path = value.encode() if isinstance(value, str) else value
    data = dag_cbor.encode(
        {
            "Value": path,
            "Validity": date_text(round((now + lifetime) * 1_000_000) * 1_000).encode(),
            "ValidityType": 0,
            "Sequence": sequence,
            "TTL": round(ttl * NANOSECONDS),
        }
    )
    entry = _WIRE["IpnsEntry"](data=data, signatureV2=identity.sign(_PREFIX + data))
    if public_key_of(identity.peer_id) is None:
        entry.pubKey = identity.public_key
    record: bytes = entry.SerializeToString()
    if len(record) > MAX_RECORD_SIZE:
        raise ValidationError(f"an IPNS record of {len(record)} bytes is over the limit of {MAX_RECORD_SIZE}")
    return record


def read_ipns_record(key: bytes, record: bytes, now: float | None = None) -> IpnsRecord:
    """What a record under this key says, once everything about it has been verified, in the specification's order.
    ``now`` (unix seconds) of None leaves out whether it is still valid. ValidationError says what is wrong."""
    from google.protobuf.message import DecodeError

    if len(record) > MAX_RECORD_SIZE:
        raise ValidationError(f"the IPNS record has {len(record)} bytes, over the limit of {MAX_RECORD_SIZE}")
    entry = _WIRE["IpnsEntry"]()
    try:
        entry.ParseFromString(record)
    except DecodeError as error:
        raise ValidationError(f"the IPNS record is not a protobuf: {error}") from error
    if not entry.signatureV2 or not entry.data:
        raise ValidationError("the IPNS record has no second-version signature or no signed data")
    if not verify(_public_key(key, entry.pubKey), _PREFIX + entry.data, entry.signatureV2):
        raise ValidationError("the signature of the IPNS record does not match the name it stands under")
    said = _signed_fields(entry.data)
    if (entry.HasField("signatureV1") or entry.HasField("value")) and (
        entry.value != said["Value"]
        or entry.validity != said["Validity"]
        or entry.validityType != said["ValidityType"]
        or entry.sequence != said["Sequence"]
        or entry.ttl != said["TTL"]
    ):
        raise ValidationError("the first-version fields of the IPNS record differ from what is signed")
    if said["ValidityType"] != 0:
        raise ValidationError(f"the IPNS record has the validity type {said['ValidityType']}; only 0 is known")
    try:
        expires = nanoseconds_of(said["Validity"].decode("ascii"))
    except ValueError as error:
        raise ValidationError(f"the end of the IPNS record's validity is unreadable: {error}") from error
    if now is not None and expires <= round(now * 1_000_000) * 1_000:
        raise ValidationError(f"the IPNS record was valid until {date_text(expires)}")
    return IpnsRecord(said["Value"], said["Sequence"], expires, said["TTL"])


def _public_key(key: bytes, given: bytes) -> bytes:
    name = key.partition(b"/ipns/")[2]
    if given:
        try:
            owner = peer_id_bytes(peer_id_of(given))
        except LabError as error:
            raise ValidationError(f"the IPNS record carries a public key that is none: {error}") from error
        if owner != name:
            raise ValidationError("the public key in the IPNS record is not that of the name it stands under")
        return given
    inlined = public_key_of(peer_id_from_bytes(name))
    if inlined is None:
        raise ValidationError("the IPNS record carries no public key, and its name holds only a hash of one")
    return inlined


def _signed_fields(data: bytes) -> dict[str, Any]:
    try:
        said = dag_cbor.decode(data)
    except ValueError as error:
        raise ValidationError(f"the signed data of the IPNS record is not DAG-CBOR: {error}") from error
    kinds = {"Value": bytes, "Validity": bytes, "ValidityType": int, "Sequence": int, "TTL": int}
    if not isinstance(said, dict):
        raise ValidationError("the signed data of the IPNS record is not a map")
    for name, kind in kinds.items():
        value = said.get(name)
        if (
            not isinstance(value, kind)
            or isinstance(value, bool)
            or (isinstance(value, int) and not 0 <= value <= _LARGEST)
        ):
            raise ValidationError(f"the signed data of the IPNS record has no valid {name}")
    return said


class IpnsValidator:
    """``/ipns/<name>``: see ``read_ipns_record``."""

    def validate(self, key: bytes, value: bytes, now: float) -> None:
        read_ipns_record(key, value, now)

    def select(self, key: bytes, values: Sequence[bytes]) -> int:
        best, rank = 0, (-1, -1, b"")
        for index, value in enumerate(values):
            record = read_ipns_record(key, value)
            challenger = (record.sequence, record.expires, value)
            if challenger > rank:
                best, rank = index, challenger
        return best
