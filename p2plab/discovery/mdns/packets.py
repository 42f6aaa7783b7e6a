"""The packets of mDNS peer discovery (libp2p/specs discovery/mdns.md): DNS messages (RFC 1035, RFC 6762), byte by byte.

Names are written out in full, as other implementations write theirs; compressed names are read too. What comes from the
network is bounded, and read strictly: a pointer leads back only, a message ends where it says.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from p2plab.errors import AddressError, ProtocolViolation
from p2plab.identity.address import parse_address

__all__ = [
    "MAX_PACKET",
    "META",
    "SERVICE",
    "DnsQuestion",
    "DnsRecord",
    "Packet",
    "decode_packet",
    "encode_packet",
    "meta_response",
    "peer_addresses",
    "query",
    "response",
    "service_of",
]

SERVICE: Final = "_p2p._udp.local"
META: Final = "_services._dns-sd._udp.local"  # asks which services there are (RFC 6763, section 9)
MAX_PACKET: Final = 9_000  # bytes; RFC 6762, section 17
PTR: Final = 12
TXT: Final = 16
IN: Final = 1
FLUSH: Final = 0x8000  # of a class: other records of this name are out of date (RFC 6762, section 10.2)
RESPONSE: Final = 0x8400  # flags: a response, with authority
_MOST: Final = 200  # questions or records of a packet
_TEXT: Final = "dnsaddr="
_STRING: Final = 255  # bytes of a string in a TXT record
_HOPS: Final = 16  # pointers of one name


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """A name that is asked for, and the type of its records."""

    name: str
    type: int
    cls: int = IN


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record: ``data`` is a name for PTR (as text in ``target``), strings for TXT, and left as it is for others."""

    name: str
    type: int
    cls: int
    ttl: int
    target: str = ""
    strings: tuple[bytes, ...] = ()
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Packet:
    """A DNS message: ``answers`` and ``additional`` records, the authority's among the latter."""

    id: int = 0
    flags: int = 0
    questions: tuple[DnsQuestion, ...] = ()
    answers: tuple[DnsRecord, ...] = ()
    additional: tuple[DnsRecord, ...] = ()

    @property
    def is_response(self) -> bool:
        """Whether it answers something."""
        return bool(self.flags & 0x8000)


# -- what peer discovery says


def service_of(fingerprint: str | None = None) -> str:
    """The service's name; that of a private network has the fingerprint of its key in it, as hex."""
    return SERVICE if fingerprint is None else f"_p2p-{fingerprint}._udp.local"


def query(service: str = SERVICE, id: int = 0) -> bytes:
    """Who is there?"""
    return encode_packet(Packet(id, 0, (DnsQuestion(service, PTR),)))


def response(name: str, addresses: Sequence[str], ttl: int, service: str = SERVICE, id: int = 0) -> bytes:
    """A peer is here: ``name`` is its own for mDNS (not its peer id), ``addresses`` end in ``/p2p/...``. Those that do
    not fit into a string of 255 bytes, or the packet, are left out."""
    whole = f"{name}.{service}"
    strings: list[bytes] = []
    room = MAX_PACKET - 200 - 3 * len(whole)
    for address in addresses:
        text = f"{_TEXT}{address}".encode()
        if len(text) <= _STRING and len(text) + 1 <= room:
            strings.append(text)
            room -= len(text) + 1
    answer = DnsRecord(service, PTR, IN, ttl, target=whole)
    told = DnsRecord(whole, TXT, IN | FLUSH, ttl, strings=tuple(strings))
    return encode_packet(Packet(id, RESPONSE, (), (answer,), (told,)))


def meta_response(ttl: int, service: str = SERVICE) -> bytes:
    """The service is here: the answer to the question for ``META``."""
    return encode_packet(Packet(0, RESPONSE, (), (DnsRecord(META, PTR, IN, ttl, target=service),)))


def peer_addresses(packet: Packet, service: str = SERVICE) -> list[tuple[str, int]]:
    """The addresses that a response tells of peers of this service, each with its TTL in seconds; those without a peer
    id, and what is no address, are left out."""
    names = {
        record.target.lower() for record in packet.answers if record.type == PTR and record.name.lower() == service
    }
    found = []
    for record in (*packet.answers, *packet.additional):
        if record.type != TXT or record.name.lower() not in names:
            continue
        for string in record.strings:
            text = string.decode("utf-8", "replace")
            if not text.startswith(_TEXT):
                continue
            try:
                address = parse_address(text.removeprefix(_TEXT))
            except AddressError:
                continue
            if address.peer_id is not None:
                found.append((str(address), record.ttl))
    return found


# -- DNS messages


def encode_packet(packet: Packet) -> bytes:
    """A message's bytes. ProtocolViolation for names and strings that no message can hold."""
    counts = (len(packet.questions), len(packet.answers), 0, len(packet.additional))
    parts = [struct.pack("!HHHHHH", packet.id, packet.flags, *counts)]
    for question in packet.questions:
        parts.append(_name(question.name) + struct.pack("!HH", question.type, question.cls))
    for record in (*packet.answers, *packet.additional):
        data = _data(record)
        parts.append(_name(record.name) + struct.pack("!HHIH", record.type, record.cls, record.ttl, len(data)) + data)
    return b"".join(parts)


def _data(record: DnsRecord) -> bytes:
    if record.type == PTR:
        return _name(record.target)
    if record.type == TXT:
        if any(len(string) > _STRING for string in record.strings):
            raise ProtocolViolation(f"a string of a TXT record has at most {_STRING} bytes")
        return b"".join(bytes([len(string)]) + string for string in record.strings) or b"\x00"
    return record.data


def _name(text: str) -> bytes:
    labels = [label.encode() for label in text.split(".")]
    if not all(1 <= len(label) <= 63 for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        raise ProtocolViolation(f"{text[:80]!r} is no name of the DNS")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"


def decode_packet(data: bytes) -> Packet:
    """ProtocolViolation for what is cut off, too large, has bytes over, or pointers that lead nowhere."""
    if len(data) > MAX_PACKET:
        raise ProtocolViolation(f"a packet of {len(data)} bytes is over the {MAX_PACKET} allowed")
    try:
        return _Reader(data).packet()
    except (struct.error, IndexError) as error:
        raise ProtocolViolation(f"a DNS message that is cut off, or points outside: {error}") from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise ProtocolViolation(f"a DNS message that is cut off after {len(self._data)} bytes")
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def packet(self) -> Packet:
        number, flags, questions, answers, authority, additional = struct.unpack("!HHHHHH", self._take(12))
        if questions + answers + authority + additional > _MOST:
            raise ProtocolViolation(f"a DNS message with over {_MOST} questions and records")
        asked = tuple(self._question() for _ in range(questions))
        told = tuple(self._record() for _ in range(answers))
        beside = tuple(self._record() for _ in range(authority + additional))
        if self._at != len(self._data):
            raise ProtocolViolation(f"a DNS message with {len(self._data) - self._at} bytes over")
        return Packet(number, flags, asked, told, beside)

    def _question(self) -> DnsQuestion:
        name = self._name()
        return DnsQuestion(name, *struct.unpack("!HH", self._take(4)))

    def _record(self) -> DnsRecord:
        name = self._name()
        kind, cls, ttl, size = struct.unpack("!HHIH", self._take(10))
        end = self._at + size
        if end > len(self._data):
            raise ProtocolViolation("a record that is longer than its message")
        record = self._body(name, kind, cls, ttl, end)
        if self._at != end:
            raise ProtocolViolation(f"a record of {name[:80]!r} whose data is longer or shorter than it says")
        return record

    def _body(self, name: str, kind: int, cls: int, ttl: int, end: int) -> DnsRecord:
        if kind == PTR:
            return DnsRecord(name, kind, cls, ttl, target=self._name())
        if kind != TXT:
            return DnsRecord(name, kind, cls, ttl, data=self._take(end - self._at))
        strings = []
        while self._at < end:
            strings.append(self._take(self._take(1)[0]))
        return DnsRecord(name, kind, cls, ttl, strings=tuple(string for string in strings if string))

    def _name(self) -> str:
        labels: list[str] = []
        at, length, hops, after = self._at, 0, 0, -1
        while True:
            size = self._data[at]
            if size & 0xC0 == 0xC0:  # a pointer
                target = (size & 0x3F) << 8 | self._data[at + 1]
                hops += 1
                if target >= at or hops > _HOPS:
                    raise ProtocolViolation("a name that points forwards, or in a circle")
                after = at + 2 if after < 0 else after
                at = target
                continue
            if size & 0xC0:
                raise ProtocolViolation(f"a label of an unknown kind: {size:#x}")
            at += 1
            if size == 0:
                break
            length += size + 1
            label = self._data[at : at + size]
            if len(label) < size or length > 254 or b"." in label:
                raise ProtocolViolation("a name that is cut off, over 254 bytes, or has a dot in a label")
            labels.append(label.decode("utf-8", "replace"))
            at += size
        self._at = at if after < 0 else after
        return ".".join(labels)
