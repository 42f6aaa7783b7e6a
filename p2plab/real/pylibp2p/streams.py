"""As much of a stream of py-libp2p's as its protocols use, over one of p2plab's."""

from __future__ import annotations

from types import SimpleNamespace

from libp2p.peer.id import ID

from p2plab.stream import NetStream

__all__ = ["LibraryStream"]


class LibraryStream:
    """One of p2plab's, as the library knows streams. ``most``: bytes of a read that names none."""

    def __init__(self, stream: NetStream, peer: ID | None = None, most: int = 65_536) -> None:
        self._stream = stream
        self._most = most
        self.muxed_conn = SimpleNamespace(peer_id=peer or ID.from_string(stream.peer))

    def get_protocol(self) -> str:
        return self._stream.protocol

    async def read(self, n: int | None = None) -> bytes:
        return await self._stream.read(self._most if n is None else n)

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)

    async def close(self) -> None:
        await self._stream.close()

    async def reset(self) -> None:
        await self._stream.reset()
