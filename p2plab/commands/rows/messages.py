"""Messages, bytes and captures, as rows."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from p2plab.commands.rows.row import row_of
from p2plab.pubsub import Message

if TYPE_CHECKING:
    from p2plab.exports import Capture
    from p2plab.protocols.perf import Throughput
    from p2plab.stream.traffic import TrafficTable


class Delivered(TypedDict):
    """A message as a node received it; ``data`` is bytes, ``received_at`` in seconds of lab time."""

    topic: str
    data: bytes
    sender: str | None
    received_from: str
    received_at: float
    id: str


class Measured(TypedDict):
    """Seconds each way, and bytes a second; None where it came all at once."""

    upload_seconds: float
    download_seconds: float
    upload_rate: float | None
    download_rate: float | None


class Exchanged(TypedDict):
    """Payload bytes exchanged with a peer over a protocol, and bytes a second since the lab began."""

    peer: str
    peer_id: str
    protocol: str
    sent: int
    received: int
    sent_rate: float
    received_rate: float


class Exchanges(TypedDict):
    """``sent`` and ``received`` are bytes, of all rows together."""

    traffic: list[Exchanged]
    sent: int
    received: int


class Captured(TypedDict):
    """A capture: how many ``frames`` and ``bytes`` it holds, and how many older frames were ``dropped``."""

    path: str
    running: bool
    frames: int
    bytes: int
    dropped: int


def message_row(message: Message) -> Delivered:
    sender = message.sender
    return Delivered(
        topic=message.topic,
        data=message.data,
        sender=None if sender is None else sender.name or str(sender),
        received_from=message.received_from.name or str(message.received_from),
        received_at=message.received_at,
        id=message.id,
    )


@row_of("Throughput")
def throughput_row(found: Throughput) -> Measured:
    return Measured(
        upload_seconds=found.upload_seconds,
        download_seconds=found.download_seconds,
        upload_rate=found.upload_rate if isfinite(found.upload_rate) else None,
        download_rate=found.download_rate if isfinite(found.download_rate) else None,
    )


@row_of("TrafficTable")
def traffic_rows(table: TrafficTable) -> Exchanges:
    rows = [
        Exchanged(
            peer=row.peer.name or row.peer.short,
            peer_id=str(row.peer),
            protocol=row.protocol,
            sent=row.sent,
            received=row.received,
            sent_rate=row.sent_rate,
            received_rate=row.received_rate,
        )
        for row in table
    ]
    return Exchanges(traffic=rows, sent=table.sent, received=table.received)


@row_of("Capture")
def capture_row(one: Capture) -> Captured:
    return Captured(path=str(one.path), running=one.running, frames=one.frames, bytes=one.bytes, dropped=one.dropped)
