"""Perf (libp2p/specs perf/perf.md): how fast bytes cross a connection.

The dialler sends how many bytes it wants back, as 8 bytes, big-endian, then as many as it likes, and half-closes; the
listener reads to the end, sends that many, and closes. So the first byte that comes back, or the end, says that all has
arrived. A node answers it only when asked to: anybody could fill its line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from p2plab.constants import MAX_TRANSFER
from p2plab.errors import ProtocolViolation
from p2plab.stream import NetStream, StreamError
from p2plab.text import plural, says
from p2plab.typing import PeerId, Runtime

__all__ = ["HEADER", "Throughput", "answer_perf", "measure"]

HEADER: Final = 8  # bytes
BLOCK: Final = 1 << 16


@says
@dataclass(frozen=True, slots=True)
class Throughput:
    """What ``perf`` measured: bytes each way, and the seconds they took. The upload's seconds end when the peer has
    said that it has all of it, so they hold one round trip; the download's begin there."""

    peer: PeerId
    upload: int
    download: int
    upload_seconds: float
    download_seconds: float

    @property
    def upload_rate(self) -> float:
        """Bytes a second: 0 where nothing was sent."""
        return _rate(self.upload, self.upload_seconds)

    @property
    def download_rate(self) -> float:
        """Bytes a second: 0 where nothing was fetched, infinite where it came all at once, as in a mock lab whose nodes
        have no bandwidth set."""
        return _rate(self.download, self.download_seconds)

    def __str__(self) -> str:
        return (
            f"{self.peer!r}: up {self.upload:,} B in {self.upload_seconds:.3f} s ({self.upload_rate / 1e6:.2f} MB/s), "
            f"down {self.download:,} B in {self.download_seconds:.3f} s ({self.download_rate / 1e6:.2f} MB/s)"
        )


def _rate(size: int, seconds: float) -> float:
    return size / seconds if seconds > 0 else math.inf if size else 0.0


async def answer_perf(stream: NetStream) -> None:
    """The handler. What a peer wants over the bound is refused: the stream is reset."""
    wanted = int.from_bytes(await stream.read_exactly(HEADER), "big")
    if wanted > MAX_TRANSFER:
        data = {"protocol": stream.protocol, "wanted": wanted, "limit": MAX_TRANSFER}
        stream.record("perf.refused", reason="limit", data=data)
        await stream.reset()
        return
    while await stream.read(BLOCK):
        pass
    block = bytes(BLOCK)
    while wanted:
        await stream.write(block[: min(BLOCK, wanted)])
        wanted -= min(BLOCK, wanted)


async def measure(stream: NetStream, upload: int, download: int, runtime: Runtime) -> Throughput:
    """One measurement: the stream is fresh, and closed afterwards. StreamError, and ProtocolViolation where the peer
    sends another number of bytes than it was asked for."""
    block = bytes(BLOCK)
    async with stream:
        began = runtime.now()
        await stream.write(download.to_bytes(HEADER, "big"))
        left = upload
        while left:
            await stream.write(block[: min(BLOCK, left)])
            left -= min(BLOCK, left)
        await stream.close_write()
        data = await stream.read(BLOCK)
        arrived = runtime.now()
        received = 0
        while data:
            received += len(data)
            if received > download:
                raise ProtocolViolation(f"{stream.peer!r} was asked for {plural(download, 'byte')}, and sends more")
            data = await stream.read(BLOCK)
        if received < download:
            wanted = plural(download, "byte")
            raise StreamError("closed", f"{stream.peer!r} was asked for {wanted}, and ended after {received}")
        return Throughput(stream.peer, upload, download, arrived - began, runtime.now() - arrived)
